"""Finding 2a, again: what requests leave behind is collected by its bytes, too."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator

import orjson
import pytest
from graphql import DocumentNode, GraphQLError
from starlette.requests import Request
from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.asgi import create_app
from app.context import RequestContext
from app.garbage import FEW, MANY, MANY_ALONE, YOUNG, Garbage
from app.http import deadline, protocol
from app.http.deadline import RequestDeadline
from app.settings import load
from core.errors import Timeout
from loaders.kit.entity import Row
from tests.support.demo_site import Site
from tests.support.http import Wire, serving

COMMAS = b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: %b\r\n\r\n" % (b"," * 65_000)


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Nothing is collected but by those who ask for it."""
    gc.disable()
    gc.collect()
    yield
    gc.enable()


class Circle:
    """What refers to itself."""

    ended = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Circle.ended += 1


def test_what_is_young_is_collected_whenever_so_many_bytes_have_passed() -> None:
    garbage = Garbage(at=100)
    before = Circle.ended
    Circle()
    garbage.add(60)
    garbage.add(39)
    assert Circle.ended == before
    garbage.add(1)
    assert Circle.ended == before + 1
    Circle()
    garbage.add(99)
    assert Circle.ended == before + 1


def test_what_is_young_is_collected_before_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    garbage, before = Garbage(at=10**12), Circle.ended
    gc.collect()
    Circle()
    garbage.add(1)
    garbage.look()
    assert Circle.ended == before
    made = [Circle() for _ in range(MANY)]
    garbage.look(MANY_ALONE)
    assert Circle.ended == before
    garbage.add(1)
    assert (Circle.ended, len(made)) == (before + 1, MANY)


def outlived(garbage: Garbage) -> None:
    """Leave a circle that was in use while what was young was collected."""
    _used = Circle()
    garbage.collect()


def test_what_outlived_a_collection_is_collected_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that were open at the wrong moment had nobody who collected them: 100 MB after 8,000 refusals."""
    gc.collect()
    garbage, before = Garbage(), Circle.ended
    outlived(garbage)
    for _ in range(YOUNG - 1):
        garbage.collect()
    assert Circle.ended == before
    garbage.collect()
    assert Circle.ended == before + 1


def test_what_is_much_waits_for_better_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """400,000 objects of a long request, which were in use, took 45 ms."""
    gc.collect()
    garbage, before = Garbage(), Circle.ended
    garbage.collect()
    gc.collect()
    used: list[list[object]] = [[[]] for _ in range(FEW + 1)]
    monkeypatch.setattr("app.garbage.LATEST", 2 * YOUNG)
    outlived(garbage)
    for _ in range(2 * YOUNG - 1):
        garbage.collect()
    assert (Circle.ended, len(used)) == (before, FEW + 1)
    garbage.collect()
    assert Circle.ended == before + 1


def test_everything_is_collected_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.garbage.OLDER", 2)
    gc.collect()
    garbage, before = Garbage(), Circle.ended

    def used_for_long() -> None:
        _used = Circle()
        for _ in range(YOUNG + 1):
            garbage.collect()

    used_for_long()
    for _ in range(2 * YOUNG + 1):
        garbage.collect()
    assert Circle.ended == before
    garbage.collect()
    assert Circle.ended == before + 1


@pytest.mark.parametrize(
    "content, status",
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 401),
    ],
)
async def test_an_answered_request_leaves_no_circle(site: Site, content: bytes, status: int) -> None:
    """Each request's scope, with its body, was kept by what it was found by."""
    async with serving(create_app(load(), site.database)) as port:

        async def answered() -> None:
            async with Wire(port) as wire:
                wire.send(content)
                assert (await wire.answer()).status == status

        await answered()
        await asyncio.sleep(0)
        gc.collect()
        for _ in range(20):
            await answered()
        assert await left(RequestResponseCycle, protocol.BoundedHttpProtocol) == []


@pytest.mark.parametrize(
    "query",
    [
        "{ orders(first: 1) { nodes { number } } }",
        "{ orders(first: 1) { nodes { nope } } }",
        "{ orders(first: 1) { nodes { number } }",
        '{ product(by: {sku: "nowhere"}) { id } products(first: 5) { nodes { lineItems(first: 900) { nodes { id } } } } }',
    ],
)
async def test_an_operation_leaves_neither_its_document_nor_its_context(
    site: Site, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """750,000 objects of 90 documents waited for the collector."""
    monkeypatch.setattr(deadline, "LOOK_AFTER", 0.0)  # each client is watched
    async with serving(create_app(load(), site.database)) as port:

        async def answered(number: int) -> None:
            body = orjson.dumps({"query": f"{query} # {number}"})
            head = (
                b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
            )
            async with Wire(port) as wire:
                wire.send(
                    head
                    + b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n" % (site.key.encode(), len(body))
                    + body
                )
                assert (await wire.answer()).status in (200, 400, 503)

        await answered(0)
        await asyncio.sleep(0.05)
        gc.collect()
        for number in range(1, 11):
            await answered(number)
        assert await left(RequestResponseCycle, RequestContext, DocumentNode, Row, GraphQLError) == []


async def test_what_a_deadline_stops_is_free_at_once() -> None:
    """Whatever a request had loaded when its time was over waited for the collector."""
    refs = []

    async def late() -> None:
        held = asyncio.Event()
        refs.append(weakref.ref(held))
        await held.wait()

    never = asyncio.Event()

    async def receive() -> Message:
        await never.wait()
        return {"type": "http.disconnect"}

    for watched in (0.0, 0.05):
        with contextlib.suppress(Timeout):
            async with RequestDeadline(Request({"type": "http"}, receive), 0.02 + watched):
                await late()
    await asyncio.sleep(0)
    assert [each() for each in refs] == [None, None]


async def left(*kinds: type) -> list[object]:
    """What of these kinds waits for the collector."""
    await asyncio.sleep(0.05)  # connections that close
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    kept = [each for each in gc.garbage if isinstance(each, kinds)]
    gc.garbage.clear()
    return kept


async def test_a_refused_head_leaves_no_circle(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """65 kB each lay about in what the parser's last error held."""
    passed = Garbage(at=10**12)
    monkeypatch.setattr(protocol, "GARBAGE", passed)
    async with serving(create_app(load(), site.database)) as port:

        async def refused() -> None:
            async with Wire(port) as wire:
                wire.send(COMMAS)
                assert (await wire.answer()).status == 431

        await refused()
        gc.collect()
        for _ in range(20):
            await refused()
        assert await left(RequestResponseCycle, protocol.BoundedHttpProtocol) == []
    assert passed._passed > 21 * 65_000
