"""What there is to be named in a request: ids and keys of the demo's first tenant, and its keys by role."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from core import ids
from db.runtime.engine import Target
from services.platform import keys

ROLES = ("viewer", "partner", "clerk", "warehouse", "admin", "none")
"""Roles of keys; ``none`` is a key that may do nothing at all."""

_BUYER = """
SELECT p.code FROM orders o JOIN partners p ON p.tenant_id = o.tenant_id AND p.id = o.customer_id
WHERE o.tenant_id = $1 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""

_PLACE = """
SELECT l.id FROM locations l WHERE l.tenant_id = $1 AND l.kind = 'INTERNAL' ORDER BY l.code LIMIT 1
"""


class Facts(NamedTuple):
    """A tenant's own: keys and ids that are there."""

    skus: tuple[str, ...]
    partners: tuple[str, ...]
    orders: tuple[str, ...]
    ids: tuple[str, ...]
    """Public ids, some of each type."""
    location: str
    buyer: str
    """The code of the partner with the most orders."""


async def _facts(connection: Any, tenant: UUID) -> Facts:
    async def column(sql: str) -> list[Any]:
        return [row[0] for row in await connection.fetch(sql, tenant)]

    some = []
    for prefix, table in (("prod", "products"), ("par", "partners"), ("ord", "orders"), ("lin", "line_items")):
        found = await column(f"SELECT id FROM {table} WHERE tenant_id = $1 ORDER BY id LIMIT 60")
        some += [ids.encode(prefix, each) for each in found]
    return Facts(
        tuple(await column("SELECT sku FROM products WHERE tenant_id = $1 AND active ORDER BY sku LIMIT 500")),
        tuple(await column("SELECT code FROM partners WHERE tenant_id = $1 ORDER BY code LIMIT 100")),
        tuple(await column("SELECT number FROM orders WHERE tenant_id = $1 ORDER BY number DESC LIMIT 100")),
        tuple(some),
        ids.encode("loc", await connection.fetchval(_PLACE, tenant)),
        await connection.fetchval(_BUYER, tenant),
    )


class Place(NamedTuple):
    """The demo's first tenant, for a siege, and the second, which is to notice nothing."""

    facts: Facts
    keys: dict[str, str]
    """Of the first tenant, by role."""
    seconds: dict[str, str]
    """Another key of each role."""
    neighbour: str
    """A key of the second tenant."""
    postmaster: int
    """PostgreSQL's first process; 0 where it isn't on this machine."""


async def prepare(target: Target) -> Place:
    """Read the facts and create the keys, in place of those of the last siege."""
    connection = await asyncpg.connect(target.admin)
    try:
        first, other = [row["id"] for row in await connection.fetch("SELECT id FROM tenants ORDER BY name LIMIT 2")]
        facts = await _facts(connection, first)
        made, seconds = [
            {role: await _key(target, first, f"{name} {role}", role, facts.buyer) for role in ROLES}
            for name in ("siege", "second")
        ]
        await connection.execute("UPDATE api_keys SET roles = '{}' WHERE name IN ('siege none', 'second none')")
        neighbour = await keys.create(target, other, "siege neighbour", replace=True)
        postmaster = _parent(await connection.fetchval("SELECT pg_backend_pid()"))
    finally:
        await connection.close()
    return Place(facts, made, seconds, neighbour, postmaster)


async def _key(target: Target, tenant: UUID, name: str, role: str, buyer: str) -> str:
    given = "viewer" if role == "none" else role
    partner = buyer if role == "partner" else None
    return await keys.create(target, tenant, name, roles=(given,), partner=partner, replace=True)


def prepared(target: Target) -> Place:
    """``prepare``, where no loop runs."""
    return asyncio.run(prepare(target))


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))
