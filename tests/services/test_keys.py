"""Making, listing and revoking API keys."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from core import keys as form
from core.errors import BadInput
from db.engine import Target
from db.tenancy import set_tenant
from services import keys, tenants


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


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0", "a\n"])
async def test_a_name_that_is_no_name_is_refused(target: Target, acme: UUID, name: str) -> None:
    before = await keys.every(target, acme)
    with pytest.raises(BadInput, match="1 to 100"):
        await keys.create(target, acme, name)
    assert await keys.every(target, acme) == before
