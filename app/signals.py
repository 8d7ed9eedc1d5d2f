"""SIGTERM ends a program as Ctrl-C does: from within, so that PostgreSQL is left in order."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def cancel_on_sigterm() -> Iterator[None]:
    """While it lasts, SIGTERM cancels the current task, whose every ``finally`` runs, and then exits with 143.

    Not by way of SIGINT's handler: a shell starts its background jobs with SIGINT ignored.
    """
    task, loop, told = asyncio.current_task(), asyncio.get_running_loop(), False

    def cancel(*_: object) -> None:
        nonlocal told
        told = True
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    before = signal.signal(signal.SIGTERM, cancel)
    try:
        yield
    except asyncio.CancelledError:
        if told:
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
