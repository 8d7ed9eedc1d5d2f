"""Rollups kept: what order lines add up to, folded from the log of commits (docs/decisions/0058-rollups-from-the-log.md).

A tenant's fold has a place in the log, and spans of time with cells. Cells of a span are right but for what commits behind the place
touched. So there are transactions, each with one snapshot: one moves the place on, and drops the spans that commits up to the new
one touched; others add spans that are missing. All change the fold's row: of two at once one fails, and has nothing to repair.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from core.ids import new_id
from db.rollups import (
    COMMON,
    CUSTOMERS,
    DAYS,
    LONG_OF,
    NO_DRAFT,
    PRODUCTS,
    STANDING,
    SUMS,
    cells,
    cells_of_months,
    reloaded,
    touched,
)
from db.runtime import freezing, log
from db.runtime.engine import Target
from db.tenancy import OWNER, set_tenant
from services.kit.upkeep import Site

FEWEST = 50_000
"""Order lines below which there are no rollups: reading that many takes some 30 ms."""

OVERLAPS = ("3 hours", "2 hours", "1 hour", "30 minutes")
"""By how much clocks were put back at or over midnight, the most first: as lists have them (``loaders.kit.periods``)."""

_ENOUGH = "SELECT count(*) >= $2 FROM (SELECT FROM line_items WHERE tenant_id = $1 LIMIT $2) counted"
_MOVE = """
    INSERT INTO sales_folds (tenant_id, id, commit_id, timezone, folded_at)
    SELECT id, $2, $3, timezone, now() FROM tenants WHERE id = $1
    ON CONFLICT (tenant_id) DO UPDATE SET commit_id = excluded.commit_id, timezone = excluded.timezone, folded_at = excluded.folded_at
"""
_DROP_ALL = "DELETE FROM sales_spans WHERE tenant_id = $1"
_DROP = f"""
    DELETE FROM sales_spans s USING (
        SELECT DISTINCT o.placed_at FROM orders o JOIN ({touched("$2")}) t ON t.id = o.id WHERE o.tenant_id = $1 AND o.{NO_DRAFT}
    ) m WHERE s.tenant_id = $1 AND m.placed_at >= s.starts_at AND m.placed_at < s.ends_at
"""
_BEGIN = "UPDATE sales_folds SET folded_at = now() WHERE tenant_id = $1"


def _first_moment(day: str) -> str:
    """When a local day begins. PostgreSQL takes the later of two midnights."""
    midnight = f"({day})::timestamp"
    at = f"timezone(t.zone, {midnight})"
    earlier = " ".join(
        f"WHEN timezone(t.zone, {at} - interval '{each}') >= {midnight} THEN {at} - interval '{each}'"
        for each in OVERLAPS
    )
    return f"CASE {earlier} ELSE {at} END"


# A clock that is put back over midnight has moments of a day before moments of the day before: no span has such a day.
_ONE_DAY = " AND ".join(
    f"timezone(t.zone, starts_at + interval '{minutes} minutes')::date = day" for minutes in range(0, 241, 30)
)

_MISSING = f"""
    WITH t AS MATERIALIZED (SELECT id, timezone AS zone, timezone(timezone, now()) AS now FROM tenants WHERE id = $1),
    ends AS (
        SELECT greatest(min(placed_at), now() - interval '20 years') AS first, least(max(placed_at), now() + interval '1 month') AS last
        FROM orders WHERE tenant_id = $1 HAVING min(placed_at) IS NOT NULL
    ),
    days AS (
        SELECT day::date FROM ends, t, generate_series(
            date_trunc('month', timezone(zone, first)), date_trunc('month', timezone(zone, last)) + interval '1 month - 1 day',
            interval '1 day') AS day
    ),
    cut AS (SELECT day, {_first_moment("day")} AS starts_at, {_first_moment("day + 1")} AS ends_at FROM days, t),
    fit AS MATERIALIZED (SELECT cut.* FROM cut, t WHERE starts_at < ends_at AND {_ONE_DAY}),
    months AS (
        SELECT date_trunc('month', day)::date AS month, min(starts_at) AS starts_at, max(ends_at) AS ends_at,
               max(day) AS last FROM fit GROUP BY 1
        HAVING count(*) = extract(day FROM date_trunc('month', min(day)) + interval '1 month - 1 day')
           AND date_trunc('month', min(day)) < (SELECT date_trunc('month', now) - interval '1 month' FROM t)
    ),
    wanted AS (
        SELECT '{DAYS}' AS kind, starts_at, ends_at, day AS first_day, day AS last_day, date_trunc('month', day) AS month FROM fit
        UNION ALL
        SELECT kind, coalesce(m.starts_at, f.starts_at), coalesce(m.ends_at, f.ends_at), f.day, coalesce(m.last, f.day),
               date_trunc('month', f.day)
        FROM fit f LEFT JOIN months m ON m.month = date_trunc('month', f.day), (VALUES ('{PRODUCTS}'), ('{CUSTOMERS}')) k (kind)
        WHERE m.month IS NULL OR m.month = f.day
    ),
    missing AS (
        SELECT * FROM wanted w WHERE NOT EXISTS (
            SELECT FROM sales_spans s WHERE s.tenant_id = $1 AND (s.kind, s.starts_at, s.ends_at) = (w.kind, w.starts_at, w.ends_at))
    )
    INSERT INTO sales_spans (tenant_id, id, kind, starts_at, ends_at, first_day, last_day, cells, lines)
    SELECT t.id, gen_random_uuid(), kind, starts_at, ends_at, first_day, last_day, 0, 0 FROM missing, t WHERE month = (SELECT max(month) FROM missing)
    RETURNING id, kind, starts_at, ends_at
"""
"""Adds the newest month's spans that are missing. Days are kept for all; products and customers by day for the present month and
the one before, and by month for those before that: of long ago little changes, and much is asked.
"""

_LONGER = f"""
    INSERT INTO sales_spans (tenant_id, id, kind, starts_at, ends_at, first_day, last_day, cells, lines)
    SELECT t.id, gen_random_uuid(), w.*, 0, 0 FROM tenants t, (
        SELECT k.long AS kind, min(s.starts_at) AS starts_at, max(s.ends_at) AS ends_at, min(s.first_day), max(s.last_day)
        FROM sales_spans s JOIN (VALUES {LONG_OF}) k (short, long) ON k.short = s.kind,
             (VALUES ('quarter', 3), ('year', 12)) p (period, months)
        WHERE s.tenant_id = $1 AND s.first_day < s.last_day
        GROUP BY k.long, p.period, p.months, date_trunc(p.period, s.first_day::timestamp) HAVING count(*) = p.months
    ) w
    WHERE t.id = $1 AND NOT EXISTS (
        SELECT FROM sales_spans s WHERE s.tenant_id = $1 AND (s.kind, s.starts_at, s.ends_at) = (w.kind, w.starts_at, w.ends_at))
    ORDER BY w.starts_at DESC, w.ends_at LIMIT 1
    RETURNING id, kind, starts_at, ends_at
"""
"""Adds a quarter or a year whose months are all there: the newest that is missing."""

GIVEN, SPAN = "unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])", "(id, kind, starts_at, ends_at)"


def _kept(found: str) -> str:
    """The statement that keeps cells, and gives their spans how many these are. They lie in the order of the indexes."""
    return f"""
        WITH made AS (
            INSERT INTO sales_cells (tenant_id, id, {", ".join(COMMON)}, {", ".join(SUMS)})
            SELECT t.id, gen_random_uuid(), c.* FROM tenants t, ({found}) c WHERE t.id = $1
            ORDER BY c.span_id, c.product_id, c.customer_id
            RETURNING span_id, lines)
        UPDATE sales_spans s SET cells = m.cells, lines = m.lines
        FROM (SELECT span_id, count(*) AS cells, sum(lines) AS lines FROM made GROUP BY 1) m
        WHERE s.tenant_id = $1 AND s.id = m.span_id"""


_CELLS, _CELLS_OF_CELLS = _kept(cells(f"{GIVEN} AS s {SPAN}")), _kept(cells_of_months(f"{GIVEN} AS g {SPAN}"))
_DROP_PARTS = """
    DELETE FROM sales_spans s USING sales_spans m
    WHERE s.tenant_id = $1 AND m.tenant_id = $1 AND m.id = ANY($2::uuid[]) AND m.first_day < m.last_day
      AND s.kind = m.kind AND s.first_day = s.last_day AND s.starts_at >= m.starts_at AND s.ends_at <= m.ends_at
"""


async def keep_up(site: Site, tenant: UUID) -> int:
    """Fold what a tenant's orders add up to; how many spans were worked out. Where another one is at it, or at one of its
    rows, the next time will do.
    """
    try:
        return await fold(site, tenant)
    except asyncpg.SerializationError:
        return 0


async def fold(site: Site, tenant: UUID, fewest: int = FEWEST) -> int:
    """Bring a tenant's rollups up to the log, in short transactions; how many spans were worked out. Raises what PostgreSQL says where
    another one does it at the same time: what was done until then is right.
    """
    if not await _move(site, tenant, fewest):
        return 0
    count = 0
    while found := await _fill(site.target, tenant):
        count += found
    while await _fill_longer(site.target, tenant):
        count += 1
    return count


async def _move(site: Site, tenant: UUID, fewest: int) -> bool:
    """Move the fold's place in the log on to what has ended, and drop what commits until there changed. Whether there is a fold."""
    last = await site.database.settled(tenant)
    async with snapshot(site.target, tenant) as connection:
        standing = await connection.fetchrow(STANDING, tenant)
        if standing is None and not await connection.fetchval(_ENOUGH, tenant, fewest):
            return False
        newest = await connection.fetchrow(log.NEWEST, tenant, last)
        if newest is not None and (standing is None or newest["seq"] > standing["seq"]):
            await connection.execute(_MOVE, tenant, new_id(), newest["id"])
            if standing is None or await connection.fetchval(f"SELECT {reloaded('$2')}", tenant, standing["seq"]):
                await connection.execute(_DROP_ALL, tenant)
            else:
                await connection.execute(_DROP, tenant, standing["seq"])
    if newest is None:
        # Nothing was committed since there is a log: it needs a row to be begun from.
        await site.database.open_log(tenant)
        return await _move(site, tenant, fewest)
    return True


async def _fill(target: Target, tenant: UUID) -> int:
    """Add the missing spans of a month; how many there were."""
    async with snapshot(target, tenant) as connection:
        await connection.execute(_BEGIN, tenant)
        spans = await connection.fetch(_MISSING, tenant)
        if spans:
            await connection.execute(_CELLS, tenant, *map(list, zip(*spans, strict=True)))
            await connection.execute(_DROP_PARTS, tenant, [span["id"] for span in spans])
    return len(spans)


async def _fill_longer(target: Target, tenant: UUID) -> bool:
    """Add a quarter or a year that is missing; whether there was one."""
    async with snapshot(target, tenant) as connection:
        await connection.execute(_BEGIN, tenant)
        spans = await connection.fetch(_LONGER, tenant)
        if spans:
            await connection.execute(_CELLS_OF_CELLS, tenant, *map(list, zip(*spans, strict=True)))
    return bool(spans)


@contextlib.asynccontextmanager
async def snapshot(target: Target, tenant: UUID, *, writes: bool = True) -> AsyncIterator[Any]:
    """A transaction with one snapshot, as the owner, bound to the tenant. Raises ``TenantFrozen`` where it ``writes``."""
    # A month of a large tenant has 30,000 cells: with the usual 4 MB their lines are sorted on disk, for half of the time.
    connection = await asyncpg.connect(target.admin, timeout=5, server_settings={"jit": "off", "work_mem": "64MB"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=not writes):
            whose = f"SET LOCAL ROLE {OWNER};{set_tenant(tenant)}"
            await (freezing.begin(connection, whose) if writes else connection.execute(whose))
            yield connection
    finally:
        await connection.close()
