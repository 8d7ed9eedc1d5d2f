"""What the commands share: running a coroutine, and reporting progress."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.signals import cancel_on_signals

Result = TypeVar("Result")
Report = Callable[[str, int, int], None]

SHOWN_AFTER = 2.0
"""Seconds after which an unfinished step reports its progress to the log."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work, so that SIGTERM, a closed terminal and Ctrl-C leave PostgreSQL in order."""

    async def interruptible() -> Result:
        with cancel_on_signals():
            return await work

    return asyncio.run(interruptible())


def say(text: str) -> None:
    """A line for the person at the terminal, if it is still there; standard output is for what scripts read."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)


def narrator(log_format: str) -> Callable[[str], None]:
    """A function that announces a server's steps to a person; it prints nothing where the log is JSON, which programs read by lines."""
    return say if log_format == "text" else lambda _: None


@contextlib.contextmanager
def progress() -> Iterator[Report]:
    """A function that takes ``(stage, done, total)``: bars on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield report


def _lines() -> Report:
    """A line every few seconds while a stage lasts, and one at its end; nothing for a stage that is quick."""
    begun: dict[str, float] = {}
    shown_at = 0.0

    def report(stage: str, done: int, total: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        since = now - begun.setdefault(stage, now)
        finished = 0 < total <= done
        if since >= SHOWN_AFTER and (finished or now - shown_at >= SHOWN_AFTER):
            say(f"{stage}: {done:,} of {total:,}" if total else f"{stage}: {done:,}")
            shown_at = now

    return report


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns to standard output, whole: nothing is cut to the terminal's width."""
    widths = [max(len(row[place]) for row in [header, *rows]) for place in range(len(header))]
    for row in [header, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
