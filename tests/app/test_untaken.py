"""Attack 1, its last part: clients that don't take their answers share a bound on memory."""

import asyncio

import pytest

from app.asgi import create_app
from app.http import protocol
from app.http.protocol import BoundedHttpProtocol
from app.http.untaken import Untaken
from app.settings import load
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually, post, serving


class Behind:
    def __init__(self, size: int) -> None:
        self.size = size
        self.ended = False

    def untaken(self) -> int:
        return self.size

    def abort(self) -> None:
        self.ended = True


def test_those_that_are_behind_for_longest_are_given_up() -> None:
    untaken = Untaken(most=100)
    first, second, third, fourth = (Behind(size) for size in (60, 30, 40, 60))
    for each in (first, second):
        untaken.add(each)
    assert not first.ended
    untaken.add(third)
    assert [each.ended for each in (first, second, third)] == [True, False, False]
    untaken.remove(second)
    untaken.add(fourth)
    assert [each.ended for each in (second, third, fourth)] == [False, False, False]
    untaken.add(fifth := Behind(1))
    assert [each.ended for each in (third, fourth, fifth)] == [True, False, False]


async def test_attack_1_who_does_not_take_an_answer_makes_room_for_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of what waits is that of the machine's sockets as well, so it is said here; who is behind is real."""
    untaken = Untaken(most=100)
    monkeypatch.setattr(protocol, "UNTAKEN", untaken)
    monkeypatch.setattr(BoundedHttpProtocol, "untaken", lambda _self: 60)
    # 11 MB, of 16 that an answer may have: other tests make lines as well, and a refusal is too short to be behind with.
    aliases = " ".join(f"a{index}:description" for index in range(30))
    lines = f"product {{ lineItems(first: 250) {{ nodes {{ {aliases} }} }} }}"
    query = {"query": f"{{ orders(first: 40) {{ nodes {{ lineItems(first: 5) {{ nodes {{ {lines} }} }} }} }} }}"}
    # A busy machine takes longer than five seconds for such an answer.
    patient = create_app(load(limit_seconds=60), site.database)
    async with serving(patient) as port, Wire(port) as first, Wire(port) as second:
        first.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's reader would take it all
        first.send(post(site.key, query))
        await eventually(lambda: len(untaken._behind) == 1)
        [first_one] = untaken._behind
        second.reader._transport.pause_reading()  # type: ignore[attr-defined]  # the same
        second.send(post(site.key, query))
        await eventually(lambda: first_one not in untaken._behind and len(untaken._behind) == 1)
        for each in (first, second):
            each.reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await first.answer()
        assert (await second.answer()).status == 200
