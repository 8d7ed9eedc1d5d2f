"""Tenants: created and listed by the deployment's operator, never by a request."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import numbering, text
from core.errors import BadInput
from core.ids import new_id
from core.money import CURRENCIES, WITHDRAWN
from core.numbering import ORDER_PATTERN
from db.runtime.engine import Target, administration

MAX_NAME = 100

_NAMES_LOCK = 0x6E616D65  # "name"


def label(what: str, given: str) -> str:
    """What a deployment calls something, in Unicode's form NFC. Raises ``BadInput`` for one that is empty or too
    long, has blanks at its ends or characters that can't be seen.
    """
    try:
        kept = text.key(given, MAX_NAME)
    except ValueError as error:
        raise BadInput(f"This can't be a {what} (1 to {MAX_NAME} printable characters). {error}") from None
    if given != given.strip():
        raise BadInput(f"A {what} is 1 to {MAX_NAME} printable characters, without blanks at its ends.")
    return kept


def spelt(given: str) -> tuple[list[str], str]:
    """A name that something is looked up by, for ``= ANY($1)``, and the one of its forms that counts more: what was
    stored before there was one form for all may be in another. Raises ``BadInput`` for what isn't text.
    """
    try:
        kept = text.composed(given)
    except ValueError as error:
        raise BadInput(f"{given!r} is not a name. {error}") from None
    return [kept, given], kept


class Tenant(NamedTuple):
    id: UUID
    name: str
    currency: str
    timezone: str
    created_at: datetime
    frozen_at: datetime | None
    database: str | None
    """Where it lives, if that isn't this database."""


async def create(
    target: Target, name: str, currency: str, timezone: str = "UTC", order_numbers: str = ORDER_PATTERN
) -> UUID:
    """Make a tenant and tell its id.

    Raises ``BadInput`` for a name that is taken, empty, too long or has blanks at its ends, for a
    currency that ISO 4217 doesn't know, for an unknown time zone, and for a pattern of numbers without {n}.
    """
    name = label("tenant's name", name)
    if currency in WITHDRAWN:
        raise BadInput(f"{currency} has ended: give the currency that took its place.")
    if currency not in CURRENCIES:
        raise BadInput(f"{currency!r} is not a currency: give an ISO 4217 code such as EUR.")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"{timezone!r} is not a time zone: give a name such as Europe/Berlin.") from None
    numbering.series(order_numbers, 2000)
    order_numbers = text.composed(order_numbers)
    tenant = new_id()
    async with administration(target) as connection:
        await reserve(connection, name)
        await connection.execute(
            "INSERT INTO tenants (id, name, currency, timezone, order_numbers) VALUES ($1, $2, $3, $4, $5)",
            tenant,
            name,
            currency,
            timezone,
            order_numbers,
        )
    return tenant


async def reserve(connection: Any, name: str) -> None:
    """Keep a new tenant's name from all others until the transaction ends. Raises ``BadInput`` where it is taken.

    Names are unique by this alone: who creates a tenant of the same name meanwhile waits, and looks then.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _NAMES_LOCK, name)
    if await connection.fetchval("SELECT 1 FROM tenants WHERE name = $1", name):
        raise BadInput(f"There is a tenant named {name!r} already.")


async def every(target: Target) -> list[Tenant]:
    """All tenants by name."""
    async with administration(target) as connection:
        rows = await connection.fetch(
            "SELECT id, name, currency, timezone, created_at, frozen_at, database FROM tenants ORDER BY name"
        )
    return [Tenant(*row.values()) for row in rows]


async def find(target: Target, name: str) -> UUID:
    """The id of the tenant of that name; ``BadInput`` if there is none."""
    async with administration(target) as connection:
        tenant: UUID | None = await connection.fetchval(
            "SELECT id FROM tenants WHERE name = ANY($1::text[]) ORDER BY name = $2 DESC LIMIT 1", *spelt(name)
        )
    if tenant is None:
        raise BadInput(f"There is no tenant named {name!r}. 'erpgraph tenant list' shows those there are.")
    return tenant


async def place(target: Target, tenant: UUID) -> str | None:
    """The name of the database that a tenant lives in, as the first database knows it; None: in that one itself."""
    async with administration(target) as connection:
        name: str | None = await connection.fetchval("SELECT database FROM tenants WHERE id = $1", tenant)
    return name


async def known(target: Target, tenant: UUID) -> bool:
    """Whether the database has the tenant's own row."""
    async with administration(target) as connection:
        return bool(await connection.fetchval("SELECT true FROM tenants WHERE id = $1", tenant))
