"""A test that waits for ever fails, and says for what, while those after it still run.

faulthandler ends a whole worker instead, and shows no more than that its event loop waits: a run of the storefront's
tests was lost to one of them, and nobody could tell which wait it was.
"""

import asyncio
import contextlib
import inspect
import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest

AGAIN = 10.0
"""Seconds until what was called off, and goes on, is ended where it stands."""


class Hangs(Exception):
    """A test has taken longer than any does. The text shows where each of its loop's tasks waits."""


def _waits() -> str:
    """Where each task of the loop that runs waits; nothing where none runs."""
    shown = io.StringIO()
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks():
            task.print_stack(file=shown)
    return shown.getvalue()


def _waited_for(name: str) -> list[asyncio.Task[Any]]:
    """The tasks of the test of this name, or of a fixture."""
    try:
        return [each for each in asyncio.all_tasks() if _is_waited_for(each.get_coro(), name)]
    except RuntimeError:  # no loop runs
        return []


def _is_waited_for(work: Any, name: str) -> bool:
    return inspect.iscoroutine(work) and (work.__name__ == name or "pytest_asyncio" in work.cr_code.co_filename)


@contextlib.contextmanager
def at_most(seconds: float, name: str = "") -> Iterator[None]:
    """Calls off the test of this name after so many seconds; 0 is no limit. Raises ``Hangs`` into what the main thread is at where
    nothing can be called off, and where that goes on all the same.

    What a test replaced is put back: a test of webhooks that was ended where it stood had replaced how they are let go, and those
    after it hung as well.
    """
    called_off: set[asyncio.Task[Any]] = set()

    def over(*_: object) -> None:
        why = f"This test still runs after {seconds:g} seconds.\n{_waits()}"
        tasks = _waited_for(name)
        if fresh := set(tasks) - called_off:
            called_off.update(fresh)
            for each in fresh:
                # The loop waits for its sockets, to which this handler is nothing: it must be woken.
                each.get_loop().call_soon_threadsafe(each.cancel, why)
            return
        for each in tasks:
            with contextlib.suppress(RuntimeError):  # it waits yet again
                each.get_coro().close()
        raise Hangs(why)

    before = signal.signal(signal.SIGALRM, over)
    # Once a test has failed, faulthandler ends nothing any more: a fixture that waited for what the test had left held a whole run.
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, remaining)


def limit(config: pytest.Config) -> float:
    """Seconds for one test with its fixtures: half of what faulthandler waits before it ends the worker."""
    return float(config.getini("faulthandler_timeout") or 0) / 2
