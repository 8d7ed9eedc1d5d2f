"""Many streams whose credentials open nothing any more: all have ended within five seconds, and are told nothing afterwards.

``ERPGRAPH_STREAMS=1000`` has so many of them, each by a credential of its own: for a quiet machine.
"""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import pytest

from services.platform import keys, tenants
from services.platform.transfer.erase import erase
from tests.bench.write_load import Child, child
from tests.support.demo_site import Site
from tests.support.provider import AUDIENCE, ISSUER, jwk_set, public, signed
from tests.support.streams import Served, many_keys, streaming

STREAMS = int(os.environ.pop("ERPGRAPH_STREAMS", "40"))
WITHIN = 5.0 if STREAMS >= 1_000 else 15.0
"""Seconds: beside other tests everything takes longer."""

MAKER = "who makes what is told"


async def revoked(site: Site, tenant: UUID) -> None:
    async with site.admin() as admin:
        await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND name <> $2", tenant, MAKER)


async def role_taken(site: Site, tenant: UUID) -> None:
    async with site.admin() as admin:
        await admin.execute(
            "UPDATE api_keys SET roles = '{catalog}' WHERE tenant_id = $1 AND name <> $2", tenant, MAKER
        )


async def closed(site: Site, tenant: UUID) -> None:
    await erase(site.target, tenant)


async def token_out(_site: Site, _tenant: UUID) -> None:
    """Nobody does anything."""


@pytest.mark.parametrize("end", [revoked, role_taken, token_out, closed])
async def test_34_many_streams_end_with_their_credentials(
    site: Site, tmp_path: Path, end: Callable[[Site, UUID], Awaitable[None]]
) -> None:
    (tmp_path / "jwks.json").write_bytes(jwk_set(public("rsa")))
    name = f"ends-{uuid4().hex}"
    tenant = await tenants.create(site.target, name, "EUR")
    maker = await keys.create(site.target, tenant, MAKER)
    given = {"token_keys": str(tmp_path / "jwks.json"), "token_issuer": ISSUER, "token_audience": AUDIENCE}
    async with streaming(site.database, maker, **given, token_leeway=0, budget=10**9) as served:
        with child("live_crowd") as crowd:
            await crowd.line()
            last, made = await ended(site, served, crowd, tenant, name, end)
            print(f"{STREAMS:,} streams have ended {last:.2f} s after: {end.__name__}")  # noqa: T201 - for those that measure
            assert last <= WITHIN
            if end is not closed:
                await served.make("ENDS-2", "afterwards")
            over = await crowd.ask(b"over", within=1)
            assert over["told"] == [[[made], STREAMS]]
            assert over["ends"] == {"complete": STREAMS // 2, "4403": STREAMS - STREAMS // 2}
        assert (served.hub.following, served.hub.held) == (0, 0)


async def ended(
    site: Site,
    served: Served,
    crowd: Child,
    tenant: UUID,
    name: str,
    end: Callable[[Site, UUID], Awaitable[None]],
) -> tuple[float, str]:
    """Seconds from when their credentials opened nothing to when the last of so many streams had ended; what they were told of."""
    port, ends = served.client.base_url.port, 0
    if end is token_out:
        ends = int(time.time()) + (7 if STREAMS < 1_000 else STREAMS // 4)  # all must have come by then
        them = [signed(tenant=name, roles=["viewer"], sub=f"ada {each}", exp=ends) for each in range(STREAMS)]
    else:
        async with site.admin() as admin:
            them = await many_keys(admin, tenant, STREAMS)
    await crowd.ask(b"subscribe", port=port, kind="events", keys=them[: STREAMS // 2])
    await crowd.ask(b"subscribe", port=port, kind="sockets", keys=them[STREAMS // 2 :])
    assert served.hub.following == STREAMS
    made = await served.make("ENDS", "while they are there")
    assert (await crowd.ask(b"told", least=1, within=15))["told"] == [[[made], STREAMS]]
    left = ends - time.time()
    assert end is not token_out or left > 0
    await end(site, tenant)
    began = perf_counter() + max(0.0, left)
    over = await crowd.ask(b"over", within=WITHIN + max(0.0, left) + 15)
    return over["last"] - began, made
