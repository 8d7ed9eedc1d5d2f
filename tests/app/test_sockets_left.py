"""Sockets whose clients leave at a bad moment."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.live.stream import Stream
from core.errors import Unavailable
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.sockets import talking
from tests.support.streams import CHANGES, Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


async def test_who_left_before_an_error_could_be_told_leaves_no_failed_task(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gone, failed = asyncio.Event(), asyncio.Event(), list[Any]()

    async def refuse(*_: object) -> Stream:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await gone.wait()
        raise Unavailable("busy")

    monkeypatch.setattr(served.hub, "open", refuse)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(context))
    try:
        async with talking(served, site.key) as talk:
            await talk.say("subscribe", id="one", payload={"query": CHANGES})
            await asked.wait()
        gone.set()
        await eventually(lambda: served.hub.held == 0)
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert failed == []
