"""Finding 2a, again: what requests leave behind is collected by its bytes, too."""

import gc
from collections.abc import Iterator

import pytest

from app.asgi import create_app
from app.http import protocol
from app.http.garbage import Garbage
from app.settings import load
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


def test_what_errors_leave_is_collected_before_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    garbage, before = Garbage(at=10**12), Circle.ended
    gc.collect()
    Circle()
    garbage.after_error()
    assert Circle.ended == before
    made = [Circle() for _ in range(2)]
    monkeypatch.setattr("app.http.garbage.MANY", 2)
    garbage.after_error()
    assert (Circle.ended, len(made)) == (before + 1, 2)


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
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        kept = [each for each in gc.garbage if isinstance(each, protocol.BoundedHttpProtocol)]
        gc.garbage.clear()
    assert kept == []
    assert passed._passed > 21 * 65_000
