"""A process of the application."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

from tests.support.command import environment

ROOT = Path(__file__).parents[2]

STARTS_WITHIN = 300
"""Seconds that no start takes, however busy the machine is; each is over when it says so. With 30 a machine that had other things
to do ended all of ``make chaos``.
"""

FAULTS = ("fault", "never retrieved", "was destroyed but it is pending", "never awaited")
"""What a server's log says only when something went wrong that nobody foresaw."""


class Server:
    """The application as a process of its own, which logs to ``log``."""

    def __init__(self, admin: str, serving: str, log: Path, **settings: str) -> None:
        self.log = log
        self.port = 0
        self._urls = (admin, serving)
        self._settings = settings
        self._process: Any = None
        self.beside: dict[str, str] = {}
        """What its environment has besides, from its next start on."""

    async def start(self) -> None:
        """It is there when it has told its port."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.bench.server",
                *self._urls,
                cwd=ROOT,
                env=environment(**self._settings) | self.beside,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        line = await asyncio.wait_for(self._process.stdout.readline(), STARTS_WITHIN)
        assert line, self.log.read_text()
        self.port = int(line)

    def kill(self) -> None:
        """``kill -9``: no farewell."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def restart(self) -> None:
        self.kill()
        await self._process.wait()
        await self.start()

    async def leave(self) -> None:
        """It is told to stop, and takes its leave of those that follow it."""
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self.kill()
            raise

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def faults(self) -> list[str]:
        """The lines of its log that tell of what it has no answer for."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(each in line for each in FAULTS)]

    def files(self) -> int:
        """How many files and sockets it has open."""
        return len([*Path(f"/proc/{self._process.pid}/fd").iterdir()])

    def memory(self) -> int:
        """The bytes that it has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        return int(kilobytes) * 1024
