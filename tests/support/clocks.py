"""Clocks that are wrong, and that are set while programs go by them: Debian's libfaketime before the C library. Deadlines go by a clock
that nobody sets, and stay.
"""

import shlex
from pathlib import Path

from tests.support.command import ROOT

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
"""None where it isn't installed: apt-get install libfaketime."""

READ_EVERY = 1
"""Seconds after which a program looks again what its clock shows."""

SLEEP = """\
import select, time

time.sleep = lambda seconds: select.select((), (), (), seconds) and None
"""
"""What Python begins with there: libfaketime 0.9.10 takes a deadline of Python's own way to sleep for one of the clock that it shifts."""


class Clock:
    """A clock that several programs may go by; it needs ``LIBRARY``."""

    def __init__(self, folder: Path) -> None:
        """The folder is made."""
        self._file, self._begin = folder / "ahead", folder / "python"
        self._begin.mkdir(parents=True, exist_ok=True)
        (self._begin / "sitecustomize.py").write_text(SLEEP)
        folder.chmod(0o755)
        self.set(0)

    def set(self, ahead: float) -> None:
        """From now on it is ahead by so many seconds, or behind."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+.0f}\n")
        new.chmod(0o644)
        new.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What has a program go by it."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(READ_EVERY),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": f"{self._begin}:{ROOT}",
        }

    def programs(self, real: Path, folder: Path) -> Path:
        """A folder of the same programs, of which PostgreSQL's server goes by it."""
        folder.mkdir()
        for each in real.iterdir():
            if each.name != "postgres":
                (folder / each.name).symlink_to(each)
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        server = folder / "postgres"
        server.write_text(f'#!/bin/sh\nexec env {given} {shlex.quote(str(real / "postgres"))} "$@"\n')
        server.chmod(0o755)
        folder.chmod(0o755)
        return folder
