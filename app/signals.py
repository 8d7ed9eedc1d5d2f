"""Signals that end a program from within, as Ctrl-C does, so that PostgreSQL is left in order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from app.leaving import LEAVING, WITHIN

LOOK_EVERY = 1.0
"""Seconds between two looks at whether the terminal is still there: 20 µs each."""


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[None]:
    """While it lasts, SIGTERM and SIGHUP cancel the current task, whose every ``finally`` runs, and then exit with 128 and
    the signal's number.

    Not by way of SIGINT's handler: a shell starts its background jobs with SIGINT ignored. A SIGHUP that is ignored, by
    ``nohup``, stays so. A terminal that was closed is a SIGHUP, though nobody sends one.
    """
    task, loop, received = asyncio.current_task(), asyncio.get_running_loop(), 0

    def cancel(number: int, _frame: object) -> None:
        nonlocal received
        if received and number == signal.SIGHUP:
            return  # a shell and the kernel both send it when a terminal closes: once is enough for what is being ended
        received = number
        LEAVING.begin(WITHIN, "what was under way", loop)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    ignored = hangups_are_ignored()
    numbers = (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, cancel) for number in numbers}
    heeding = None if ignored else asyncio.create_task(_heed_terminal())
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise SystemExit(128 + received) from None
        raise
    finally:
        if heeding is not None:
            heeding.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


async def _heed_terminal() -> None:
    """Send this process SIGHUP when its terminal was closed. The kernel sends it to the first process of the terminal alone;
    where that is make, as after ``ssh -t HOST make serve``, it waits for this one, which went on for ever.
    """
    if not has_terminal():
        return
    while has_terminal():  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(LOOK_EVERY)
    signal.raise_signal(signal.SIGHUP)


def hangups_are_ignored() -> bool:
    """Whether the program was started with SIGHUP ignored, as by ``nohup``."""
    return signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def has_terminal() -> bool:
    """Whether this process has a controlling terminal. One that was closed is none any more."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def on_hangup(leave: Callable[[], None], reload: Callable[[], None] | None) -> None:
    """From now on SIGHUP reloads, where there is something to reload, and otherwise leaves.

    SIGHUP means both that an operator asks and that the terminal was closed, which leaves in any case: it is told by the
    terminal that was there and isn't any more. To be called with an event loop running, on which both are called.
    """
    loop, had_terminal, ignored = asyncio.get_running_loop(), has_terminal(), hangups_are_ignored()

    def decide() -> None:
        closed = had_terminal and not has_terminal()
        if reload is not None and (ignored or not closed):
            reload()
        elif not ignored:
            leave()

    if reload is not None or not ignored:
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(decide) and None)
