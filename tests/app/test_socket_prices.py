"""What messages of a WebSocket cost whose socket it is."""

from collections.abc import AsyncIterator

import pytest

from app.context import Principal
from app.errors.http_errors import Throttled
from app.throttling.budgets import Budgets, Charge
from tests.support.demo_site import Site
from tests.support.sockets import talking
from tests.support.streams import Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


async def test_34_each_message_costs_what_a_request_costs(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three sockets of a key, with 190 messages of 64 kB a second each, kept a process busy, and paid nothing."""
    real, admitted = Budgets.admit, list[str]()

    async def counting(budgets: Budgets, principal: Principal) -> Charge:
        admitted.append(principal.credential)
        return await real(budgets, principal)

    async with talking(served, site.key) as talk:
        monkeypatch.setattr(Budgets, "admit", counting)
        for _ in range(3):
            await talk.say("ping")
            await talk.hear()
        await talk.say("complete", id="never there")
        await talk.say("ping")
        await talk.hear()
        assert len(admitted) == 5

        async def spent(*_: object) -> Charge:
            raise Throttled("This key has read as much as it may for now.", 1)

        monkeypatch.setattr(Budgets, "admit", spent)
        await talk.say("ping")
        assert await talk.code() == 1013
