"""Making, listing and revoking API keys."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from core import keys as form
from core.errors import BadInput
from db.admin import migrate
from db.runtime.engine import Target, administration
from db.tenancy import set_tenant
from services.platform import keys, tenants
from tests.support.postgres import TestServer


async def looked_up(target: Target, tenant: UUID, key: str) -> int:
    """How often a serving connection bound to a tenant finds a key."""
    parsed = form.parse(key)
    assert parsed
    connection = await asyncpg.connect(target.serving, server_settings=target.settings())
    try:
        async with connection.transaction():
            await connection.execute(set_tenant(tenant))
            found: int = await connection.fetchval(
                "SELECT count(*) FROM api_keys WHERE hash = $1 AND revoked_at IS NULL", parsed.hash
            )
            return found
    finally:
        await connection.close()


@pytest.fixture
async def two(fresh: Target) -> tuple[UUID, UUID]:
    return await tenants.create(fresh, "acme", "EUR"), await tenants.create(fresh, "globex", "GBP")


async def test_a_key_is_found_by_its_own_tenant_only(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, globex = two
    key = await keys.create(fresh, acme, "shop")
    assert await looked_up(fresh, acme, key) == 1
    assert await looked_up(fresh, globex, key) == 0
    assert await looked_up(fresh, acme, form.make(acme)) == 0


async def test_keys_are_listed_without_the_key(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, globex = two
    until = datetime(2030, 1, 1, tzinfo=UTC)
    first = await keys.create(fresh, acme, "shop", roles=["viewer"], expires_at=until)
    second = await keys.create(fresh, acme, "app")
    listed = await keys.every(fresh, acme)
    assert [(key.name, key.hint, key.roles, key.expires_at) for key in listed] == [
        ("shop", first[-4:], ["viewer"], until),
        ("app", second[-4:], ["admin"], None),
    ]
    assert await keys.every(fresh, globex) == []


async def test_a_revoked_key_ends_at_once_and_once(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, globex = two
    key, other = await keys.create(fresh, acme, "shop"), await keys.create(fresh, acme, "shop")
    [first, _] = await keys.every(fresh, acme)
    for tenant, wrong in ((globex, first.id), (acme, uuid4())):
        with pytest.raises(BadInput, match="no such key"):
            await keys.revoke(fresh, tenant, wrong)
    assert await looked_up(fresh, acme, key) == 1
    await keys.revoke(fresh, acme, first.id)
    assert await looked_up(fresh, acme, key) == 0
    assert await looked_up(fresh, acme, other) == 1
    with pytest.raises(BadInput, match="no such key"):
        await keys.revoke(fresh, acme, first.id)


async def test_replace_leaves_one_key_of_the_name(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, globex = two
    kept, gone = await keys.create(fresh, acme, "shop"), await keys.create(fresh, acme, "serve")
    foreign = await keys.create(fresh, globex, "serve")
    key = await keys.create(fresh, acme, "serve", replace=True)
    assert [await looked_up(fresh, acme, each) for each in (kept, gone, key)] == [1, 0, 1]
    assert await looked_up(fresh, globex, foreign) == 1


async def test_a_key_lasts_until_something_ends_it_and_what_ended_is_forgotten(
    fresh: Target, two: tuple[UUID, UUID]
) -> None:
    acme, globex = two
    past, soon = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)
    lasting, revoked = await keys.create(fresh, acme, "serve"), await keys.create(fresh, acme, "serve")
    ended = await keys.create(fresh, acme, "serve", expires_at=past)
    ending = await keys.create(fresh, acme, "serve", expires_at=soon)
    other = await keys.create(fresh, acme, "shop", expires_at=past)
    await keys.revoke(fresh, acme, (await keys.every(fresh, acme))[1].id)
    assert [await keys.lasts(fresh, acme, key) for key in (lasting, revoked, ended, ending)] == [True, *[False] * 3]
    assert not await keys.lasts(fresh, globex, lasting)
    await keys.forget_ended(fresh, globex, "serve")
    assert len(await keys.every(fresh, acme)) == 5
    await keys.forget_ended(fresh, acme, "serve")
    assert [key.hint for key in await keys.every(fresh, acme)] == [key[-4:] for key in (lasting, ending, other)]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0", "a\n"])
async def test_a_name_that_is_no_name_is_refused(target: Target, acme: UUID, name: str) -> None:
    before = await keys.every(target, acme)
    with pytest.raises(BadInput, match="1 to 100"):
        await keys.create(target, acme, name)
    assert await keys.every(target, acme) == before


async def ends(target: Target, tenant: UUID) -> list[timedelta | None]:
    """How long the keys last from now on, oldest first, to the minute."""
    now = datetime.now(UTC)
    lasting = [None if key.expires_at is None else key.expires_at - now for key in await keys.every(target, tenant)]
    return [last and timedelta(minutes=round(last / timedelta(minutes=1))) for last in lasting]


async def test_a_rotated_key_works_until_the_overlap_is_over(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, globex = two
    day, hour = timedelta(days=1), timedelta(hours=1)
    first = await keys.create(fresh, acme, "shop", roles=["clerk"])
    await keys.create(fresh, globex, "shop")
    second = await keys.rotate(fresh, acme, "shop", day)
    assert [await looked_up(fresh, acme, key) for key in (first, second)] == [1, 1]
    assert await ends(fresh, acme) == [day, None]
    # Again, within the overlap: what ends sooner isn't made to last longer.
    await keys.rotate(fresh, acme, "shop", 30 * day)
    assert await ends(fresh, acme) == [day, 30 * day, None]
    await keys.rotate(fresh, acme, "shop", hour)
    assert await ends(fresh, acme) == [hour, hour, hour, None]
    assert [key.roles for key in await keys.every(fresh, acme)] == [["clerk"]] * 4
    assert await ends(fresh, globex) == [None]


async def test_rotation_takes_the_newest_key_in_force_as_its_model(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, _ = two
    until = datetime.now(UTC) + timedelta(days=90)
    await keys.create(fresh, acme, "shop", roles=["viewer"], expires_at=until)
    await keys.create(fresh, acme, "shop", roles=["clerk"])
    [_, newest] = await keys.every(fresh, acme)
    await keys.revoke(fresh, acme, newest.id)
    await keys.rotate(fresh, acme, "shop", timedelta(hours=1))
    [_, _, made] = await keys.every(fresh, acme)
    assert made.roles == ["viewer"]
    assert await ends(fresh, acme) == [timedelta(hours=1), None, timedelta(days=90)]


async def test_without_a_key_in_force_there_is_nothing_to_rotate(fresh: Target, two: tuple[UUID, UUID]) -> None:
    acme, _ = two
    await keys.create(fresh, acme, "shop", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    before = await keys.every(fresh, acme)
    for name in ("shop", "app"):
        with pytest.raises(BadInput, match=f"no key named '{name}' in force"):
            await keys.rotate(fresh, acme, name, timedelta(hours=1))
    assert await keys.every(fresh, acme) == before


@pytest.mark.parametrize(
    "roles, partner", [([], None), (["boss"], None), (["partner"], None), (["viewer"], "C1"), (["partner"], "C1")]
)
async def test_roles_that_go_with_nothing_are_refused(
    target: Target, acme: UUID, roles: list[str], partner: str | None
) -> None:
    before = await keys.every(target, acme)
    with pytest.raises(BadInput):
        await keys.create(target, acme, "shop", roles=roles, partner=partner)
    assert await keys.every(target, acme) == before


async def test_keys_of_before_there_were_roles_are_admins(server: TestServer) -> None:
    async with server.fresh("template0") as target:
        await migrate.upgrade(target, "0003")
        tenant = await tenants.create(target, "acme", "EUR")
        async with administration(target, tenant) as connection:
            for name, roles in (("old", []), ("newer", ["viewer"])):
                await connection.execute(
                    "INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles) VALUES ($1, $2, $3, '', $4, $5)",
                    tenant,
                    uuid4(),
                    name,
                    name.encode(),
                    roles,
                )
        await migrate.upgrade(target)
        assert {key.name: key.roles for key in await keys.every(target, tenant)} == {
            "old": ["admin"],
            "newer": ["viewer"],
        }
