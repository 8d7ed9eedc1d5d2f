"""What a hub does beside its streams ends with them, though it should have lost a cancellation."""

import asyncio

import pytest

from app.live import hub


async def test_a_cancellation_that_was_lost_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in thousands of servers didn't end: what waits with a deadline of its own takes a cancellation for that, now and then."""
    monkeypatch.setattr(hub, "CANCELLED_WITHIN", 0.01)
    begun, lost = asyncio.Event(), 0

    async def looks() -> None:
        nonlocal lost
        begun.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    async def fails() -> None:
        raise ValueError

    tasks = [asyncio.create_task(looks()), asyncio.create_task(fails())]
    await begun.wait()
    await hub._cancelled(*tasks)
    assert lost == 3
    assert [task.done() for task in tasks] == [True, True]
