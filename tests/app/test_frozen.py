"""A frozen tenant, as its clients and its operator see it (issue 14, point 8)."""

import asyncio

from services.platform import keys, tenants
from services.platform.transfer.freeze import freeze, unfreeze
from tests.support.command import Ended, command
from tests.support.demo_site import Site

CREATE = 'mutation { partnerUpsert(input: {code: "F", name: "F"}) { partner { code } } }'


async def test_clients_hear_when_to_try_again(site: Site) -> None:
    tenant = await tenants.create(site.target, "frozen", "EUR")
    key = await keys.create(site.target, tenant, "clerk")
    await freeze(site.target, tenant)
    async with site.client(key) as client:
        refused = await client.post("/graphql", json={"query": CREATE})
        [error] = refused.json()["errors"]
        assert (refused.status_code, error["extensions"]["code"]) == (503, "TENANT_FROZEN")
        assert error["path"] == ["partnerUpsert"]
        assert int(refused.headers["retry-after"]) >= 1
        read = await client.post("/graphql", json={"query": "{ partners { nodes { code } } }"})
        assert (read.status_code, read.json()["data"]) == (200, {"partners": {"nodes": []}})
        await unfreeze(site.target, tenant)
        done = await client.post("/graphql", json={"query": CREATE})
        assert done.json()["data"] == {"partnerUpsert": {"partner": {"code": "F"}}}


def test_an_operator_freezes_and_thaws(site: Site) -> None:
    asyncio.run(tenants.create(site.target, "cold", "EUR"))

    def run(*arguments: str) -> Ended:
        return command("tenant", *arguments, DATABASE_URL=site.target.admin)

    def state() -> str:
        [line] = [line for line in run("list").out.splitlines() if line.startswith("cold ")]
        return line.split()[-1]

    assert state() != "frozen"
    assert run("freeze", "cold") == (0, "", "cold is frozen: it can be read, and not changed.\n")
    assert state() == "frozen"
    assert run("freeze", "cold") == (0, "", "cold was frozen before.\n")
    assert run("unfreeze", "cold") == (0, "", "cold can be changed again.\n")
    assert run("unfreeze", "cold") == (0, "", "cold wasn't frozen.\n")
    assert state() != "frozen"
