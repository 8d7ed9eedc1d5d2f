"""Many streams whose credential opens nothing any more: all have ended within five seconds, and are told nothing afterwards.

``ERPGRAPH_STREAMS=1000`` has so many of them for each way: for a quiet machine, as clients and server share this process.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import pytest

from app.live import hub as hubs
from services.platform import keys, tenants
from services.platform.transfer.erase import erase
from tests.bench.live_clients import Heard, SocketSubscriber, Subscriber, subscribed
from tests.support.demo_site import Site
from tests.support.provider import AUDIENCE, ISSUER, jwk_set, public, signed
from tests.support.streams import Served, streaming

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
async def test_34_many_streams_end_with_their_credential(
    site: Site, tmp_path: Path, end: Callable[[Site, UUID], Awaitable[None]]
) -> None:
    (tmp_path / "jwks.json").write_bytes(jwk_set(public("rsa")))
    name = f"ends-{uuid4().hex}"
    tenant = await tenants.create(site.target, name, "EUR")
    maker = await keys.create(site.target, tenant, MAKER)
    given = {"token_keys": str(tmp_path / "jwks.json"), "token_issuer": ISSUER, "token_audience": AUDIENCE}
    async with streaming(site.database, maker, **given, token_leeway=0) as served:
        them, ends = await streams(site, served, tenant, name, token=end is token_out)
        assert served.hub.following == len(them)
        await served.make("ENDS", "while they are there")
        await end(site, tenant)
        began = perf_counter() + max(0.0, ends - time.time())
        async with asyncio.timeout(WITHIN + max(0.0, ends - time.time()) + 15):
            await asyncio.gather(*(each.over for each in them))
        last = max(each.ended for each in them) - began
        print(f"{len(them):,} streams have ended {last:.2f} s after: {end.__name__}")  # noqa: T201 - the bench shows it
        assert last <= WITHIN
        assert {len(each.told) for each in them} == {1}
        if end is not closed:
            await served.make("ENDS-2", "afterwards")
            assert {len(each.told) for each in them} == {1}
        assert (served.hub.following, served.hub.held) == (0, 0)


async def streams(
    site: Site, served: Served, tenant: UUID, name: str, *, token: bool
) -> tuple[list[Subscriber], float]:
    """So many, by as many keys as they need, half of them by WebSocket; and when their token ends."""
    there, heard, port, ends = list[Subscriber](), Heard(), served.client.base_url.port or 0, 0.0
    if token:
        ends = float(int(time.time()) + 4 + STREAMS // 100)
    for number in range(-(-STREAMS // hubs.OF_KEY)):
        if token:
            key = signed(tenant=name, roles=["viewer"], sub=f"ada {number}", exp=int(ends))
        else:
            key = await keys.create(site.target, tenant, f"ends {number}", roles=("viewer",))
        count = min(hubs.OF_KEY, STREAMS - len(there))
        for kind in (Subscriber, SocketSubscriber):
            there += await subscribed(kind, port, key, count // 2, heard)
    return there, ends
