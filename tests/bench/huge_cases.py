"""Sums of ten million lines that are kept, beside SQL over the same cells and over the lines: ``bench_aggregates --size huge``."""

import statistics
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple
from uuid import UUID

from tests.support.graph import Asker

ROUNDS = 6
SUMS = "aggregate { count total { currency sum { amount } } quantity { unit sum } }"
BEST = "orderBy: [{ field: TOTAL, direction: DESC }]"
SOLD = "status: { in: [CONFIRMED, CLOSED] }"
YEAR = 'placedAt: { within: { from: "2025-01-01", through: "2025-12-31" } }'
QUARTERS = 'placedAt: { within: { from: "2025-07-01", through: "2026-06-30" } }'
DAYS = 'placedAt: { within: { from: "2025-07-10", through: "2026-09-20" } }'

_MINE = "status IN ('CONFIRMED', 'CLOSED') AND s.tenant_id = $1 AND s.kind = '{}'"
_CELLS = "FROM sales_cells c JOIN sales_spans s ON (s.tenant_id, s.id) = (c.tenant_id, c.span_id)"
_SUMS = "sum(c.lines) AS lines, sum(c.total), sum(c.quantity)"
_LINES = """FROM line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
    JOIN products p ON (p.tenant_id, p.id) = (l.tenant_id, l.product_id)
    WHERE l.tenant_id = $1 AND o.tenant_id = $1 AND p.tenant_id = $1 AND o.status IN ('CONFIRMED', 'CLOSED')"""
_OF_LINES = "count(*) AS lines, sum(l.total), sum(l.quantity)"
_MONTH = "date_trunc('month', {}, (SELECT timezone FROM tenants WHERE id = $1))"


class Shape(NamedTuple):
    """A query; the sums that it is of by hand, from cells and from lines; and how many milliseconds of a processor it may take at most."""

    name: str
    query: str
    cells: str
    lines: str
    bound: float


def _between(first: str, last: str, what: str) -> str:
    at = "timezone((SELECT timezone FROM tenants WHERE id = $1), timestamp '{}')"
    return f"{what} >= {at.format(first)} AND {what} < {at.format(last)}"


def _list(where: str, by: str, more: str, parts: str) -> str:
    return (
        f"{{ lineItems(where: {{ orderWhere: {{ {SOLD} {where} }} }}) {{ groups(by: [{by}]{more}) {{ {parts} }} }} }}"
    )


def _shape(
    name: str,
    query: str,
    kind: str,
    by: tuple[str, str],
    bound: float,
    *joined: str,
    span: tuple[str, str] | None = None,
    days: int = 0,
) -> Shape:
    """``by``: what it is grouped by, of cells and of lines. ``joined``: tables besides, for cells and for lines. ``days``: those that
    spans have at least.
    """
    cells, lines = joined or ("", "")
    of_cells, of_lines = (
        (_between(*span, each) for each in ("s.starts_at", "o.placed_at")) if span else ("true", "true")
    )
    if days:
        of_cells += f" AND s.last_day - s.first_day >= {days - 1}"
    return Shape(
        name,
        query,
        f"SELECT {by[0]}, c.currency, c.unit, {_SUMS} {_CELLS} {cells} WHERE {_MINE.format(kind)} AND {of_cells} GROUP BY {by[0]}, c.currency, c.unit",
        f"SELECT {by[1]}, l.currency, p.unit, {_OF_LINES} {_LINES.replace('WHERE', f'{lines} WHERE', 1)} AND {of_lines} GROUP BY {by[1]}, l.currency, p.unit",
        bound,
    )


_IN_YEAR, _IN_QUARTERS = ("2025-01-01", "2026-01-01"), ("2025-07-01", "2026-07-01")
_BY_MONTH = (_MONTH.format("c.starts_at"), _MONTH.format("o.placed_at"))
_BY_PRODUCT = ("c.product_id", "l.product_id")
_COUNTRY = (
    "JOIN partners b ON (b.tenant_id, b.id) = (c.tenant_id, c.customer_id)",
    "JOIN partners b ON (b.tenant_id, b.id) = (o.tenant_id, o.customer_id)",
)

SHAPES = (
    _shape(
        "by month, three years", _list("", "{ placedAt: MONTH }", "", f"nodes {{ {SUMS} }}"), "DAYS", _BY_MONTH, 100
    ),
    _shape(
        "20 best of a year",
        _list(YEAR, "{ field: PRODUCT }", f", first: 20, {BEST}", f"nodes {{ {SUMS} }}"),
        "PRODUCTS_LONG",
        _BY_PRODUCT,
        100,
        span=_IN_YEAR,
        days=365,
    ),
    _shape(
        "10 best of 12 months, the rest, shares",
        _list(QUARTERS, "{ field: PRODUCT }", f", first: 10, {BEST}", f"nodes {{ share {SUMS} }} other {{ {SUMS} }}"),
        "PRODUCTS_LONG",
        _BY_PRODUCT,
        150,
        span=_IN_QUARTERS,
    ),
    _shape(
        "by month and country, three years",
        _list("", "{ placedAt: MONTH }, { field: CUSTOMER_COUNTRY }", ", first: 1000", f"nodes {{ {SUMS} }}"),
        "CUSTOMERS",
        (f"{_BY_MONTH[0]}, b.country", f"{_BY_MONTH[1]}, b.country"),
        1_000,
        *_COUNTRY,
    ),
)


async def one_process(floor: Any) -> None:
    """Let no statement run in several processes: what they take couldn't be told."""
    await floor.execute("ALTER SYSTEM SET max_parallel_workers_per_gather = 0")
    await floor.execute("SELECT pg_reload_conf()")


async def compare_huge(shape: Shape, ask: Asker, floor: Any, tenant: UUID) -> bool:
    """Measure in turn with SQL over cells, and once over lines; print a line, and tell whether it is within its bound."""

    async def graph() -> None:
        answer = await ask(shape.query, tenant, rolled=True)
        assert answer.good
        assert "sales_cells" in answer.ran[-1].sql

    async def cells() -> Any:
        return await floor.fetch(shape.cells, tenant)

    async def lines() -> Any:
        return await floor.fetch(shape.lines, tenant)

    for run in (graph, cells):
        await run()  # connections are opened, and statements made
    pids = [row["pid"] for row in await floor.fetch(BACKENDS)]
    pairs = [[(await _took(run, pids))[0] for run in (graph, cells)] for _ in range(ROUNDS)]
    of_lines, rows = await _took(lines, pids)
    assert sum(row["lines"] for row in rows) == sum(row["lines"] for row in await cells())
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"{shape.name:38} {mine:9.0f} {theirs:9.0f} {mine / theirs:6.2f} {of_lines:9.0f} {of_lines / mine:7.0f}   at most {shape.bound} ms",
        flush=True,
    )
    return bool(mine <= shape.bound)


BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"


async def _took(run: Callable[[], Awaitable[Any]], pids: Iterable[int]) -> tuple[float, Any]:
    """Milliseconds of a processor, this process's and the server's, and what came of it. A busy machine changes them little."""
    before = process_time() * 1000 + _of_server(pids)
    found = await run()
    return process_time() * 1000 + _of_server(pids) - before, found


def _of_server(pids: Iterable[int]) -> float:
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e6
