"""``erpgraph key``: roles, ends, partners and rotation, as people type them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import click
import pytest
import typer

from app.cli.keys import LONGEST, span
from core.ids import new_id
from db.runtime.engine import Target, administration
from services.platform import keys, tenants
from services.platform.keys import Key
from tests.support.command import Ended, command, one_line
from tests.support.postgres import TestServer


@pytest.fixture(scope="module")
async def own(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as target:
        tenant = await tenants.create(target, "acme", "EUR")
        async with administration(target, tenant) as connection:
            await connection.execute(
                "INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, 'C1', 'Corner shop')",
                tenant,
                new_id(),
            )
        yield target


def run(target: Target, *arguments: str) -> Ended:
    return command("key", *arguments, "--tenant", "acme", DATABASE_URL=target.admin)


def made(ended: Ended) -> str:
    """The key that a command printed, alone."""
    assert ended.code == 0, ended
    [key] = ended.out.splitlines()
    assert key not in ended.err
    return key


def stored(target: Target, name: str | None = None) -> list[Key]:
    async def listed() -> list[Key]:
        return await keys.every(target, await tenants.find(target, "acme"))

    return [key for key in asyncio.run(listed()) if name in (None, key.name)]


@pytest.mark.parametrize(
    "arguments, roles, partner",
    [
        ("", ["viewer"], None),
        ("--role clerk --role warehouse", ["clerk", "warehouse"], None),
        ("--partner C1", ["partner"], "C1"),
        ("--partner C1 --role partner", ["partner"], "C1"),
    ],
)
def test_a_key_has_the_roles_that_were_asked_for_and_else_the_least(
    own: Target, arguments: str, roles: list[str], partner: str | None
) -> None:
    name = f"roles {arguments}".strip()
    key = made(run(own, "create", "--name", name, *arguments.split()))
    [found] = stored(own, name)
    assert (found.hint, found.roles, found.partner, found.expires_at) == (key[-4:], roles, partner, None)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (
            "create --role boss",
            "There is no role boss: there are viewer, clerk, warehouse, buyer, manager, admin, partner.",
        ),
        ("create --role partner", "names the partner"),
        ("create --role viewer --partner C1", "has the role 'partner' and no other"),
        ("create --role partner --role clerk --partner C1", "has the role 'partner' and no other"),
        ("create --partner C2", "no partner with the code 'C2'"),
        ("rotate nothing", "no key named 'nothing' in force"),
    ],
)
def test_what_is_refused_makes_no_key(own: Target, arguments: str, says: str) -> None:
    before = stored(own)
    assert says in one_line(run(own, *arguments.split()))
    assert stored(own) == before


@pytest.mark.parametrize("arguments", ["create --expires 0d", "create --expires 90", "rotate x --overlap 1y", "rotate"])
def test_a_wrong_call_makes_no_key(own: Target, arguments: str) -> None:
    before = stored(own)
    assert run(own, *arguments.split()).code == 2
    assert stored(own) == before


def test_spans_of_time() -> None:
    assert [span(text) for text in ("30m", "24h", "90d", "36500d")] == [
        *(timedelta(minutes=30), timedelta(days=1), timedelta(days=90)),
        LONGEST,
    ]
    for text in ("", "d", "0d", "-1d", "1.5h", "1D", "1 d", "36501d", "99999999d", "٣d"):
        with pytest.raises((typer.BadParameter, click.UsageError)):
            span(text)


def test_rotation_leaves_two_keys_until_the_overlap_is_over(own: Target) -> None:
    made(run(own, "create", "--name", "shop", "--role", "clerk", "--expires", "90d"))
    turned = run(own, "rotate", "shop", "--overlap", "2h")
    new = made(turned)
    assert "The old key ends at " in turned.err
    [first, second] = stored(own, "shop")
    assert (second.hint, second.roles, second.revoked_at) == (new[-4:], ["clerk"], None)
    assert first.expires_at
    assert second.expires_at
    assert timedelta(hours=2) <= first.expires_at - first.created_at < timedelta(hours=2, minutes=1)
    assert abs(second.expires_at - second.created_at - timedelta(days=90)) < timedelta(seconds=1)
    assert (first.trusted_only, second.trusted_only) == (False, False)
    shown = run(own, "list").out
    lines = [line.split() for line in shown.splitlines() if line.startswith("shop ")]
    assert [line[2:5] for line in lines] == [["active", "clerk", "-"]] * 2
    assert [line[6] for line in lines] == [f"{key.expires_at:%Y-%m-%dT%H:%M}" for key in (first, second)]
    assert [line[7] for line in lines] == ["-", "-"]


def test_a_key_that_is_bound_to_trusted_documents_stays_so(own: Target) -> None:
    made(run(own, "create", "--name", "bound", "--role", "clerk", "--trusted-only"))
    made(run(own, "rotate", "bound"))
    assert [key.trusted_only for key in stored(own, "bound")] == [True, True]
    made(run(own, "create", "--name", "free"))
    lines = run(own, "list").out.splitlines()
    place = lines[0].index("RUNS")
    runs = {line.split()[0]: line[place:].split()[0] for line in lines[1:]}
    assert (runs["bound"], runs["free"]) == ("trusted", "any")
