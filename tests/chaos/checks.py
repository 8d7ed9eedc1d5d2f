"""What must hold after a run: of the books, of the clients' history, of the server.

The books are ``db.checks``. The rest stands here: each a function that names what is wrong, and
``test_checks.py`` shows that it finds a planted fault.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from core import ids
from db.tenancy import APP
from services.verify import verify
from tests.chaos.load import Command, Outcome
from tests.chaos.site import Site, Tenant

EVENTS = {
    "orderCreate": "order.created",
    "orderShip": "order.shipped",
    "orderCancel": "order.cancelled",
    "orderReturn": "order.returned",
}

# Invariant 8: an order's events carry its versions, each once, up to the one that it has.
TORN_EVENTS = """
    SELECT o.number FROM orders o
    LEFT JOIN (SELECT subject_id, count(*) AS n, count(DISTINCT version) AS versions, min(version) AS least, max(version) AS most
               FROM events WHERE tenant_id = $1 GROUP BY 1) e ON e.subject_id = o.id
    WHERE o.tenant_id = $1 AND NOT coalesce(
        e.n = o.version AND e.versions = e.n AND e.least = 1 AND e.most = o.version, false)
"""
# Invariant 10: no row refers to another tenant's. The keys make it impossible; this proves it.
STRAYS = """
    SELECT l.id::text FROM line_items l LEFT JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id) WHERE o.id IS NULL
    UNION ALL
    SELECT m.id::text FROM stock_moves m LEFT JOIN products p ON (p.tenant_id, p.id) = (m.tenant_id, m.product_id) WHERE p.id IS NULL
"""
# Invariant 12: nothing is left behind in the server.
LEFT_BEHIND = f"""
    SELECT state FROM pg_stat_activity WHERE usename = '{APP}' AND state LIKE 'idle in transaction%'
    UNION ALL SELECT 'a prepared transaction' FROM pg_prepared_xacts
    UNION ALL SELECT 'an advisory lock' FROM pg_locks WHERE locktype = 'advisory'
"""


async def books(site: Site, tenant: Tenant) -> list[str]:
    """Invariants 1 to 4, 8 and 10: what the rows say of each other."""
    wrong = [f"{each.rule} {each}" for each in await verify(site.direct, tenant.id)]
    async with site.admin() as connection:
        wrong += [f"events of {row[0]} are torn" for row in await connection.fetch(TORN_EVENTS, tenant.id)]
        wrong += [f"{row[0]} refers to nothing" for row in await connection.fetch(STRAYS)]
    return wrong


async def leftovers(site: Site, tries: int = 100) -> list[str]:
    """Invariant 12. What a connection that was cut was doing takes the server a moment to end."""
    found: list[str] = []
    for _ in range(tries):
        async with site.admin() as connection:
            found = [f"left behind: {row[0]}" for row in await connection.fetch(LEFT_BEHIND)]
        if not found:
            break
        await asyncio.sleep(0.05)
    return found


async def effects(site: Site, tenant: Tenant, history: Sequence[Command]) -> list[str]:
    """Invariants 7 and 11: each command that was answered has its effect once, a refused one none, and
    one in doubt at most one.
    """
    async with site.admin() as connection:
        kept = await connection.fetch(
            "SELECT key, answer->'references' AS made, jsonb_array_length(answer->'problems') AS problems"
            " FROM idempotency_keys WHERE tenant_id = $1",
            tenant.id,
        )
        moves = {row[0] for row in await connection.fetch("SELECT id FROM stock_moves WHERE tenant_id = $1", tenant.id)}
        events = await connection.fetch(
            "SELECT type, subject_id, count(*) FROM events WHERE tenant_id = $1 GROUP BY 1, 2", tenant.id
        )
        shipped = await connection.fetchval(
            "SELECT coalesce(sum(shipped), 0) FROM line_items WHERE tenant_id = $1", tenant.id
        )
    keys = Counter(row["key"] for row in kept)
    done = Counter(row["key"] for row in kept if row["problems"] == 0)
    happened = {(row[0], row[1]): row[2] for row in events}
    return [
        *judged(history, keys, done),
        *miscounted(history, happened),
        *lost_moves(history, {ids.encode("mov", move) for move in moves}),
        *oversold(history, shipped),
    ]


def judged(history: Sequence[Command], keys: Counter[str], done: Counter[str]) -> Iterator[str]:
    """What the keys in the database say against what the clients were told."""
    for command in history:
        kept, effects = keys[command.key], done[command.key]
        allowed = {
            Outcome.OK: [(1, 1)],
            Outcome.REFUSED: [(1, 0)],
            Outcome.FAILED: [(0, 0)],
            Outcome.UNKNOWN: [(0, 0), (1, 0), (1, 1)],
        }[command.outcome]
        if (kept, effects) not in allowed:
            yield f"{command.name} {command.key} was {command.outcome.value}, and is kept {kept} times with {effects} effects"
        if len({str(_stable(answer)) for answer in command.answers}) > 1:
            yield f"{command.name} {command.key} was answered in different ways"
    known = {command.key for command in history}
    yield from (f"{key} is nobody's" for key in keys if key not in known)


def _stable(payload: Any) -> Any:
    """What of an answer is the same for each repetition: the record may have changed since."""
    order = payload.get("order")
    return order and order["id"], payload.get("moves"), payload["userErrors"]


def miscounted(history: Sequence[Command], happened: dict[tuple[str, Any], int]) -> Iterator[str]:
    """Each order's events of a kind are as many as the commands that were carried out for it, or may have been."""
    sure: Counter[tuple[str, str]] = Counter()
    doubtful: Counter[tuple[str, str]] = Counter()
    for command in history:
        if command.name not in EVENTS:
            continue
        if command.outcome is Outcome.OK:
            sure[EVENTS[command.name], command.payload["order"]["id"]] += 1
        elif command.outcome is Outcome.UNKNOWN and command.name != "orderCreate":
            doubtful[EVENTS[command.name], command.given["order"]["id"]] += 1
    for (kind, subject), times in happened.items():
        place = (kind, ids.encode("ord", subject))
        if (
            kind in EVENTS.values()
            and kind != "order.created"
            and not sure[place] <= times <= sure[place] + doubtful[place]
        ):
            yield f"{kind} happened {times} times to {place[1]}: {sure[place]} were answered, {doubtful[place]} are in doubt"
    there = {(kind, ids.encode("ord", subject)) for kind, subject in happened}
    yield from (
        f"{kind} of {order} was answered and is not there" for kind, order in sure if (kind, order) not in there
    )


def lost_moves(history: Sequence[Command], there: set[str]) -> Iterator[str]:
    for command in history:
        for move in (command.payload or {}).get("moves") or ():
            if move["id"] not in there:
                yield f"move {move['id']} of {command.key} was answered and is not there"


def oversold(history: Sequence[Command], shipped: Decimal) -> Iterator[str]:
    """No more left than there ever was: the opening stock and all that was ever added."""
    added = Decimal()
    for command in history:
        if command.name == "stockAdjust" and command.outcome in {Outcome.OK, Outcome.UNKNOWN}:
            added += sum((max(Decimal(line["delta"]), Decimal()) for line in command.given["lines"]), Decimal())
        if command.name == "orderReturn" and command.outcome in {Outcome.OK, Outcome.UNKNOWN}:
            added += len(command.given["lineItems"])
    if shipped > added:
        yield f"{shipped} were shipped, and there were never more than {added}"
