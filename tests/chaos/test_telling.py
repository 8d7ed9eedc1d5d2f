"""A short set of ``make chaos`` for those that are told what happens: each fault once, in the middle of a load. Nothing is lost, nothing
is out of order for a record, and what comes again has the id that it had (docs/relay.md, docs/webhooks.md, docs/feed.md).
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.relay.sinks import nats as jetstream
from tests.chaos import clocks, followed
from tests.chaos.faults import Fault
from tests.chaos.follower import Receiving
from tests.chaos.run import Broken, run
from tests.chaos.site import Site, site
from tests.chaos.telling import FAULTS, Telling, lose_acknowledgements
from tests.support.clocks import LIBRARY

SECONDS = 0.6
ALL = (*FAULTS, *followed.FAULTS, *clocks.FAULTS)
SLOW = {
    *("set_the_databases_clock", "set_a_servers_clock", "set_a_workers_clock", "drain_a_server", "kill_a_server"),
    *("stop_postgres_again_and_again", "revoke_a_key", "freeze_a_server", "follow_and_go_at_once"),
}
"""Those that take 5 to 20 seconds each."""
CASES = [
    pytest.param(number, fault, id=fault.__name__, marks=[pytest.mark.slow] if fault.__name__ in SLOW else [])
    for number, fault in enumerate(ALL)
]


@pytest.fixture(scope="module")
async def telling() -> AsyncIterator[Telling]:
    async with site(servers=2, kind=Telling) as made:
        assert isinstance(made, Telling)
        yield made


@pytest.mark.parametrize("number, fault", CASES)
async def test_everybody_hears_all_whatever_befalls_those_who_tell(telling: Telling, number: int, fault: Fault) -> None:
    if fault in clocks.FAULTS and LIBRARY is None:
        pytest.skip("there is no libfaketime here: apt-get install libfaketime")
    cut = telling.wire.was_cut
    report = await run(telling, number, faults=[fault], seconds=SECONDS)
    assert report.faults == Counter({fault.__name__: 1})
    assert report.outcomes["ok"] > 0
    assert fault is not lose_acknowledgements or telling.wire.was_cut > cut


async def test_a_delivery_whose_sender_was_killed_in_the_middle_of_it_is_none() -> None:
    """The receiver took it for one without a body."""
    receiver, answers = Receiving(), list[Any]()
    came = iter([{"type": "http.request", "body": b'{"da', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        answers.append(message)

    await receiver({"type": "http", "path": "/erp", "headers": []}, receive, send)
    assert (receiver.got, answers) == ([], [])


async def test_a_message_that_the_broker_lost_is_found_out(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared is what is there."""

    async def lose(site: Site, _chance: random.Random) -> None:
        async with telling.broker.client() as client:
            stream = client.jetstream()
            last = (await stream.stream_info(jetstream.STREAM)).state.last_seq
            await stream.delete_msg(jetstream.STREAM, last)

    monkeypatch.setattr("tests.chaos.telling.SOON", 4.0)
    with pytest.raises(Broken, match="the broker wasn't told of 1 events"):
        await run(telling, 99, faults=[lose], seconds=SECONDS)
