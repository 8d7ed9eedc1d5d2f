"""A program on a pseudo-terminal, with a shell between, as a person starts it."""

import contextlib
import os
import re
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.command import ROOT, environment

LONGEST = 60.0
"""Seconds that anything here may take."""


class Terminal:
    """A terminal of 80 columns with a program in it. ``close`` is what closing its window does."""

    def __init__(self, command: list[str], cwd: Path = ROOT, *, leads: bool = False, **settings: str) -> None:
        self._ours, theirs = os.openpty()
        self._alive, held = os.pipe()
        name = os.ttyname(theirs)
        # A shell that leads a session gets the terminal that it opens for its own, and then runs the program below it.
        # It waits for it after Ctrl-C, which both of them get.
        shell = 'exec <"$0" >"$0" 2>&1; trap : INT; echo; "$@"; exit $?'
        if leads:
            shell = 'exec <"$0" >"$0" 2>&1; echo; exec "$@"'
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", shell, name, *command],
            env=environment(**settings) | {"TERM": "xterm-256color", "COLUMNS": "80"},
            cwd=cwd,
            start_new_session=True,
            pass_fds=(held,),
        )
        os.close(held)
        self.shown = ""
        self.until("\r\n")  # the shell has it open; before, it would seem to be nobody's
        os.close(theirs)
        self.shown = ""

    def until(self, pattern: str) -> str:
        """Wait until the terminal shows this; what it showed so far."""
        while not re.search(pattern, self.shown):
            assert self._more(), f"it ended without {pattern}: {self.shown}"
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def rest(self) -> tuple[int, str]:
        """Wait for the end; the exit code, and all that was shown."""
        while self._more():
            pass
        return self.process.wait(LONGEST), self.shown

    def close(self) -> None:
        """Close the window, and wait until nothing that was started in it runs any more."""
        os.close(self._ours)
        self._ours = -1
        assert select.select([self._alive], [], [], LONGEST)[0], "it goes on without its terminal"
        assert os.read(self._alive, 1) == b""
        self.process.wait(LONGEST)

    def _more(self) -> bool:
        """Read what is there or comes next; whether there was anything."""
        assert select.select([self._ours], [], [], LONGEST)[0], f"nothing more came: {self.shown}"
        try:
            read = os.read(self._ours, 65_536)
        except OSError:  # what Linux says when no one has the other end any more
            return False
        self.shown += read.decode(errors="replace")
        return bool(read)

    def leave(self) -> None:
        """End whatever is left of it."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait(LONGEST)
        for each in (self._ours, self._alive):
            if each >= 0:
                os.close(each)


@contextlib.contextmanager
def terminal(command: list[str], cwd: Path = ROOT, *, leads: bool = False, **settings: str) -> Iterator[Terminal]:
    """A terminal for as long as the test lasts. ``leads``: the program has no shell above it, as after ``ssh -t HOST PROGRAM``."""
    opened = Terminal(command, cwd, leads=leads, **settings)
    try:
        yield opened
    finally:
        opened.leave()
