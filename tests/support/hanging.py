"""A test that waits for ever fails, and says for what, while those after it still run.

faulthandler ends a whole worker instead, and shows no more than that its event loop waits: a run of the storefront's
tests was lost to one of them, and nobody could tell which wait it was.
"""

import asyncio
import contextlib
import io
import signal
from collections.abc import Iterator

import pytest


class Hangs(Exception):
    """A test has taken longer than any does. The text shows where each of its loop's tasks waits."""


def _waits() -> str:
    """Where each task of the loop that runs waits; nothing where none runs."""
    shown = io.StringIO()
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks():
            task.print_stack(file=shown)
    return shown.getvalue()


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises ``Hangs`` into what the main thread is at after so many seconds; 0 is no limit."""

    def over(*_: object) -> None:
        raise Hangs(f"This test still runs after {seconds:g} seconds.\n{_waits()}")

    before = signal.signal(signal.SIGALRM, over)
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, remaining)


def limit(config: pytest.Config) -> float:
    """Seconds for one test with its fixtures: half of what faulthandler waits before it ends the worker."""
    return float(config.getini("faulthandler_timeout") or 0) / 2
