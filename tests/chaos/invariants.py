"""What the rows of a tenant must say of each other after a run, and the server of itself.

Each is a query for what breaks it. ``db.checks`` and ``tests.support.invariants`` have those of stock, of
totals and of the events' versions; ``test_invariants.py`` shows that all of them find a planted corruption.
"""

import asyncio
from typing import Any
from uuid import UUID

from app.database import connections_of_process
from app.settings import load
from db.runtime import lease
from db.tenancy import APP
from tests.chaos.site import Site
from tests.support import invariants

_OPEN = "( (updated|reserved|unreserved|returned|(shipped|cancelled|shipment_cancelled):CONFIRMED))*"
_CLOSED = " (shipped|cancelled|updated):CLOSED( returned)*"
_PATH = (
    f"^created( updated)*( confirmed{_OPEN}({_CLOSED} shipment_cancelled:CONFIRMED{_OPEN})*"
    f"({_CLOSED}| (cancelled|updated):CANCELLED)?| cancelled:CANCELLED)?$"
)
"""The life of an order, in its events and the states that they tell. A shipment that is undone opens a closed one again."""

RULES = {
    "An order's events are a path through its states, and end in the one that it has.": f"""
        SELECT o.number || ': ' || path FROM orders o JOIN (
            SELECT subject_id, string_agg(
                replace(type, 'order.', '') || coalesce(':' || (after->>'status'), ''), ' ' ORDER BY version) AS path
            FROM events WHERE tenant_id = $1 GROUP BY 1
        ) e ON e.subject_id = o.id
        WHERE o.tenant_id = $1 AND NOT (path ~ '{_PATH}' AND o.status = coalesce(
            (regexp_match(path, '.*:([A-Z]+)'))[1], CASE WHEN path ~ 'confirmed' THEN 'CONFIRMED' ELSE 'DRAFT' END))
    """,
    # A lot that may be sold again goes to those who wait for it in the same command, at the same moment.
    "Nothing of a lot is promised or sent that may not be sold.": """
        WITH told AS (
            SELECT e.occurred_at, e.type, line->>'lot' AS lot
            FROM events e, jsonb_array_elements(coalesce(after->'lineItems', after->'lines')) line
            WHERE e.tenant_id = $1 AND line ? 'lot' AND e.type IN ('order.confirmed', 'order.reserved', 'order.unreserved',
                'order.updated', 'order.shipped', 'hold.created', 'hold.changed')
        ), changes AS (
            SELECT occurred_at, after, 'lot_' || replace(subject_id::text, '-', '') AS lot
            FROM events WHERE tenant_id = $1 AND type = 'lot.updated'
        )
        SELECT t.lot || ' by ' || t.type FROM told t
        LEFT JOIN LATERAL (SELECT after->>'blocked' AS said FROM changes c WHERE c.lot = t.lot AND after ? 'blocked'
                           AND c.occurred_at <= t.occurred_at ORDER BY c.occurred_at DESC LIMIT 1) blocked ON true
        LEFT JOIN LATERAL (SELECT after->>'expiresOn' AS day FROM changes c WHERE c.lot = t.lot AND after ? 'expiresOn'
                           AND c.occurred_at <= t.occurred_at ORDER BY c.occurred_at DESC LIMIT 1) ends ON true
        WHERE blocked.said = 'true' OR ends.day < to_char(t.occurred_at, 'YYYY-MM-DD')
    """,
    "A hold's goods are what it last said, as long as it stands.": """
        SELECT h.reference || ': ' || coalesce(said.quantity, 0) || ', and it has ' || coalesce(sum(l.quantity), 0)
        FROM stock_holds h LEFT JOIN stock_hold_lines l ON l.tenant_id = $1 AND l.hold_id = h.id
        LEFT JOIN LATERAL (
            SELECT CASE WHEN e.type IN ('hold.created', 'hold.changed') THEN (
                SELECT sum((line->>'quantity')::numeric) FROM jsonb_array_elements(e.after->'lines') line) END AS quantity
            FROM events e WHERE e.tenant_id = $1 AND e.subject_id = h.id AND e.type <> 'hold.reduced'
            ORDER BY e.version DESC LIMIT 1
        ) said ON true
        LEFT JOIN LATERAL (
            SELECT sum((line->>'quantity')::numeric) AS quantity
            FROM events e, jsonb_array_elements(e.after->'lines') line
            WHERE e.tenant_id = $1 AND e.subject_id = h.id AND e.type = 'hold.reduced' AND e.version > (
                SELECT max(version) FROM events WHERE tenant_id = $1 AND subject_id = h.id AND type IN ('hold.created', 'hold.changed'))
        ) less ON said.quantity IS NOT NULL
        WHERE h.tenant_id = $1 GROUP BY h.id, h.reference, said.quantity, less.quantity
        HAVING coalesce(sum(l.quantity), 0) <> coalesce(said.quantity, 0) - coalesce(less.quantity, 0)
    """,
    "A number is one order's.": "SELECT number FROM orders WHERE tenant_id = $1 GROUP BY 1 HAVING count(*) > 1",
}
"""What holds of the orders of tenant ``$1``: their states, their sums, and their numbers."""

FOREIGN = "A row refers to rows that are there, and of its own tenant."

_REFERENCES = """
    SELECT conrelid::regclass AS child, confrelid::regclass AS parent, string_agg(
        format('p.%I = c.%I', there.attname, here.attname), ' AND ') AS same, string_agg(
        format('c.%I IS NOT NULL', here.attname), ' AND ') AS given
    FROM pg_constraint f, unnest(conkey, confkey) AS pair (mine, theirs)
    JOIN pg_attribute here ON here.attnum = mine JOIN pg_attribute there ON there.attnum = theirs
    WHERE contype = 'f' AND here.attrelid = conrelid AND there.attrelid = confrelid
      AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = conrelid AND attname = 'tenant_id')
    GROUP BY f.oid, conrelid, confrelid ORDER BY f.oid
"""

BY_THE_CLOCK = ("No balance was below zero at any time.", "Nothing of a lot is promised or sent that may not be sold.")
"""Rules about what was before what by the database's clock: where that was set they say nothing."""

LEFT_BEHIND = f"""
    SELECT state FROM pg_stat_activity WHERE usename = '{APP}' AND state LIKE 'idle in transaction%'
      -- A reading connection lies ready for a second (db.runtime.connections).
      AND NOT (query LIKE 'ROLLBACK;BEGIN %' AND state_change > clock_timestamp() - interval '2 seconds')
      -- What a payload was read in ends with the next command, or soon (db.runtime.lent).
      AND NOT (query LIKE 'SELECT %' AND state_change > clock_timestamp() - interval '1 second')
    -- A worker's is its lease of the upkeep.
    UNION ALL SELECT 'an advisory lock' FROM pg_locks WHERE locktype = 'advisory' AND classid <> {lease.CLASS}
    UNION ALL SELECT count(*) || ' connections' FROM pg_stat_activity WHERE usename = '{APP}' HAVING count(*) > $1
"""
"""Invariant 12. Prepared transactions can't be: the server allows none (``max_prepared_transactions``)."""

POOLS = connections_of_process(load())
"""The connections that a server may have. One fewer stood here, written again, and two runs of a hundred broke by it."""


async def broken(connection: Any, tenant: UUID) -> list[str]:
    """The rules that a tenant's rows break, and where (invariants 1 to 4, and 8 to 10)."""
    found = [" ".join(map(str, row)) for row in await invariants.broken(connection, tenant)]
    for rule, query in RULES.items():
        found += [f"{rule} {row[0]}" for row in await connection.fetch(query, tenant)]
    strays = await connection.fetch(await _strays(connection), tenant)
    return found + [f"{FOREIGN} {row[0]} of {row[1]}" for row in strays]


async def _strays(connection: Any) -> str:
    """The query for rows whose reference leads nowhere: every foreign key, whatever enforces it."""
    return " UNION ALL ".join(
        f"SELECT '{row['child']}', '{row['parent']}' FROM {row['child']} c WHERE c.tenant_id = $1 AND {row['given']}"
        f" AND NOT EXISTS (SELECT 1 FROM {row['parent']} p WHERE {row['same']})"
        for row in await connection.fetch(_REFERENCES)
    )


async def leftovers(site: Site, tries: int = 100) -> list[str]:
    """What is left behind in the server. A connection that was cut takes it a moment to end."""
    found: list[str] = []
    for _ in range(tries):
        async with site.admin() as connection:
            rows = await connection.fetch(LEFT_BEHIND, POOLS * site.processes)
        found = [f"left behind: {row[0]}" for row in rows]
        if not found:
            break
        await asyncio.sleep(0.05)
    return found
