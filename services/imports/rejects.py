"""FILE.rejected.csv: what an import couldn't take, with the line and the reason."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from core.errors import BadInput
from services.imports.judging import DERIVED
from services.imports.mapping import File
from services.imports.source import Source, names_of_ours, reread

PREFETCHED = 50
"""Rows in memory at a time: each may be a million characters long."""

_REJECTED = {
    "import_rows": f"SELECT line, reason, raw FROM import_rows WHERE reason IS NOT NULL AND NOT {DERIVED} ORDER BY line",
    "import_things": "SELECT line, reason, raw FROM import_things WHERE reason IS NOT NULL ORDER BY line",
}


def path_of(file: Path) -> Path:
    """Beside the file, its whole name in front: ``orders.csv.gz.rejected.csv``."""
    return file.with_name(f"{file.name}.rejected.csv")


class Rejects:
    """The rejected file in the making: complete and in its place, or not there at all.

    Beginning creates the new file, so that a folder that can't be written is reported before anything is
    stored. ``publish`` puts it in its place, over that of an earlier run. Raises ``BadInput`` where
    the folder or the disk refuses.
    """

    def __init__(self, file: Path) -> None:
        self.path = path_of(file)
        with _refusals(self.path):
            handle, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self.path.parent)
            os.close(handle)
            self._making = Path(name)
            # Whoever may read the rows there may read them here.
            self._making.chmod(file.stat().st_mode & 0o666 | 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._making.unlink(missing_ok=True)

    async def write(self, connection: Any, source: Source, file: File, staged: str = "import_rows") -> None:
        """Write the staged rows that have a reason, in the file's own delimiter, quotes and encoding.

        So the same mapping reads the corrected rows: the two columns in front don't disturb it. Those of an earlier list are
        left out.
        """
        dialect, ours = source.dialect, source.ours
        header = source.header[ours:]
        with (
            _refusals(self.path),
            # A reason may quote a key in upper case, and not every encoding has both cases of a letter.
            self._making.open("w", encoding=file.encoding, errors="backslashreplace", newline="") as stream,
        ):
            dialect.write(stream, [*names_of_ours(header), *header])
            async for line, reason, raw in connection.cursor(_REJECTED[staged], prefetch=PREFETCHED):
                dialect.write(stream, [line, reason, *reread(raw.decode(), dialect)[ours:]])
            stream.flush()
            os.fsync(stream.fileno())

    def publish(self) -> None:
        with _refusals(self.path):
            self._making.replace(self.path)


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} can't be written ({error.strerror}), and no row may be lost.") from error
