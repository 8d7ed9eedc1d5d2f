"""How fast requests are refused at their head."""

import pytest

from app.asgi import create_app
from app.http import protocol
from app.http.refusals import BURST, EVERY, LONGEST, Refusals
from app.settings import load
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually, serving

TOO_LARGE = b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: %b\r\n\r\n" % (b"," * 2_000)


def test_a_few_are_answered_at_once_and_many_one_after_the_other() -> None:
    refusals = Refusals()
    waits = [refusals.wait(100.0) for _ in range(BURST + 3)]
    assert waits == pytest.approx([0.0] * BURST + [EVERY, 2 * EVERY, 3 * EVERY])


def test_none_waits_for_long() -> None:
    refusals = Refusals()
    waits = [refusals.wait(100.0) for _ in range(5_000)]
    assert max(waits) == LONGEST


def test_after_a_while_some_are_answered_at_once_again() -> None:
    refusals = Refusals()
    for _ in range(2 * BURST):
        refusals.wait(100.0)
    later = 100.0 + (BURST + 10) * EVERY
    assert [refusals.wait(later) for _ in range(11)][9:] == pytest.approx([0.0, EVERY])


async def test_who_waits_for_a_refusal_is_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client sends meanwhile stays with it, and it may leave."""
    asked: list[float] = []

    class Slow(Refusals):
        def wait(self, now: float) -> float:
            asked.append(now)
            return 0.2

    monkeypatch.setattr(protocol, "REFUSALS", Slow())
    async with serving(create_app(load(), site.database)) as port:
        async with Wire(port) as gone:
            gone.send(TOO_LARGE)
            await eventually(lambda: len(asked) == 1)
        async with Wire(port) as wire:
            wire.send(TOO_LARGE + TOO_LARGE)
            wire.send(TOO_LARGE)
            answer = await wire.answer()
            assert (answer.status, answer.headers["connection"]) == (431, "close")
            assert await wire.ended()
    assert len(asked) == 2
