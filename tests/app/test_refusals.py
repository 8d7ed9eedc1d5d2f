"""How fast requests are refused at their head."""

import httpx
import pytest

from app.asgi import create_app
from app.http import protocol
from app.http.refusals import BURST, LONGEST, Refusals
from app.settings import load
from core.spaced import EVERY, Spaced
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

    class Slower(Refusals):
        def wait(self, now: float) -> float:
            asked.append(now)
            return 0.2

    monkeypatch.setattr(protocol, "REFUSALS", Slower())
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


class Slow(Spaced):
    """All that are asked for come late."""

    def __init__(self) -> None:
        super().__init__(BURST, LONGEST)
        self.asked = list[float]()

    def wait(self, now: float) -> float:
        self.asked.append(now)
        return 0.001


@pytest.mark.parametrize("path, status", [("/", 200), ("/nowhere", 404), ("/nowhere/graphql", 404), ("/graphql", 401)])
async def test_what_nobody_pays_for_comes_one_after_the_other(site: Site, path: str, status: int) -> None:
    app = create_app(load(), site.database)
    app.state.authenticator._without = refused = Slow()
    app.unpaid = others = Slow()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert (await client.get(path)).status_code == status
    assert (len(refused.asked), len(others.asked)) == ((1, 0) if status == 401 else (0, 1))


async def test_what_is_paid_for_waits_for_none_of_them(site: Site) -> None:
    app = create_app(load(), site.database)
    app.state.authenticator._without = refused = Slow()
    app.unpaid = others = Slow()
    headers = {"Authorization": f"Bearer {site.key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers
    ) as client:
        assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
        assert (await client.get("/graphql/schema.graphql")).status_code == 200
    assert (refused.asked, others.asked) == ([], [])
