"""Cancellations that an error took the place of."""

import asyncio


def heed_cancellation() -> None:
    """Raise ``CancelledError`` where the current task was cancelled. For loops that go on after an error: who is cancelled in the middle of
    a commit hears that its outcome isn't known, and who gives a connection back may hear what is wrong with that. Whoever went on then
    was waited for without end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
