"""``erpgraph`` as its users run it: as another process, or, where only its words matter, in this one."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from app.cli import main

ROOT = Path(__file__).parents[2]


PATIENCE = 300
"""Seconds in which a command ends even on a machine that has a lot else to do."""


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def environment(**settings: str) -> dict[str, str]:
    """The caller's environment with these settings in place of its own (``DATA_DIR`` for ERPGRAPH_DATA_DIR)."""
    # Nor make's, which would have a make that a test calls say that it is a part of another.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ERPGRAPH_", "MAKE"))}
    given = {f"ERPGRAPH_{name}": value for name, value in settings.items()}
    return inherited | given | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}


def started(*arguments: str, module: str = "app.cli", **settings: str) -> subprocess.Popen[str]:
    """A command as another process, where that matters: signals, locks, standard output as it flows."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", module, *arguments],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_lines(process: subprocess.Popen[str], number: int) -> list[str]:
    """The first lines that a started command prints; its errors instead, where it ends before."""
    assert process.stdout
    lines: list[str] = []
    for _ in range(number):
        line = process.stdout.readline()
        assert line, (lines, ended(process))
        lines.append(line.rstrip("\n"))
    return lines


def ended(process: subprocess.Popen[str]) -> Ended:
    """What a started command said and its exit code (negative: the signal that ended it)."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def command(*arguments: str, **settings: str) -> Ended:
    """Run a command in this process: a second sooner. Not from a coroutine, since it has its own loop."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        patch.dict(os.environ, environment(**settings), clear=True),
        patch.object(sys, "argv", ["erpgraph", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return Ended(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def one_line(ended: Ended, code: int = 1) -> str:
    """The single line that a command failed with; asserts that it was one, and no traceback."""
    assert ended.code == code, ended
    assert ended.out == ""
    [line] = ended.err.splitlines()
    assert line.startswith("erpgraph: ")
    return line.removeprefix("erpgraph: ")
