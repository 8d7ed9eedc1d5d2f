"""Making and finding tenants."""

from uuid import UUID

import asyncpg
import pytest

from core.errors import BadInput
from db.runtime.engine import Target
from services.platform import tenants


async def test_a_tenant_is_made_listed_and_found(fresh: Target) -> None:
    made = await tenants.create(fresh, "Bäckerei 東京", "JPY", "Asia/Tokyo")
    assert await tenants.find(fresh, "Bäckerei 東京") == made
    assert [row[:4] for row in await tenants.every(fresh)] == [(made, "Bäckerei 東京", "JPY", "Asia/Tokyo")]


@pytest.mark.parametrize(
    "name,currency,timezone,says",
    [
        ("acme", "EUR", "UTC", "already"),
        ("", "EUR", "UTC", "1 to 100"),
        (" x", "EUR", "UTC", "1 to 100"),
        ("x" * 101, "EUR", "UTC", "1 to 100"),
        ("a\0b", "EUR", "UTC", "printable"),
        ("a\nb", "EUR", "UTC", "printable"),
        ("new", "eur", "UTC", "ISO 4217"),
        ("new", "XXX", "UTC", "ISO 4217"),
        ("new", "EUR", "Mars/Olympus", "time zone"),
        ("new", "EUR", "../etc/passwd", "time zone"),
        ("new", "EUR", "", "time zone"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    target: Target, acme: UUID, globex: UUID, name: str, currency: str, timezone: str, says: str
) -> None:
    before = await tenants.every(target)
    with pytest.raises(BadInput, match=says):
        await tenants.create(target, name, currency, timezone)
    assert await tenants.every(target) == before


async def test_an_unknown_tenant_is_not_found(target: Target) -> None:
    with pytest.raises(BadInput, match="no tenant named 'nobody'"):
        await tenants.find(target, "nobody")


async def test_the_serving_role_sees_no_tenant_without_being_bound_to_it(target: Target, acme: UUID) -> None:
    connection = await asyncpg.connect(target.serving, server_settings=target.settings())
    try:
        assert await connection.fetchval("SELECT count(*) FROM tenants") == 0
    finally:
        await connection.close()
