"""What stands beside a dump: what is in it, so that it can be known before and after a restore."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, StringConstraints, ValidationError

from core.errors import BadInput


class Manifest(BaseModel):
    """``tables`` has the rows of each table; ``roles`` those that the tables' grants and policies name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    program: str
    revision: str
    server: NonNegativeInt
    taken_at: AwareDatetime
    bytes: NonNegativeInt
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    tables: dict[str, NonNegativeInt]
    roles: tuple[str, ...]

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def beside(file: Path) -> Path:
    """Where a dump's manifest is."""
    return file.with_name(f"{file.name}.manifest.json")


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read(file: Path) -> Manifest:
    """The manifest of a dump that is whole. Raises ``BadInput`` where either file is missing, damaged or another's."""
    path = beside(file)
    try:
        size = file.stat().st_size
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{error.filename} can't be read ({error.strerror}). A restore needs the dump and its manifest, as "
            "'erpgraph db dump' wrote them."
        ) from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{path} isn't a manifest that this program can read: {place}: {first['msg']}.") from None
    if size != manifest.bytes or digest(file) != manifest.sha256:
        raise BadInput(
            f"{file} isn't the file that its manifest describes ({size:,} bytes of {manifest.bytes:,}): it is damaged, "
            "or belongs to another manifest. Nothing was restored."
        )
    return manifest
