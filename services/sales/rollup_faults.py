"""Whether rollups say what lines come to: each span worked out again, month by month and in one snapshot."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from db.rollups import CLEAN, LONG, SUMS, cells, cells_of_months, different
from db.runtime.engine import Target
from services.sales.rollups import GIVEN, SPAN, snapshot

Report = Callable[[str, int, int], None]
"""Called with the stage, how many of its spans are done, and of how many."""

LINES = 500_000
"""Lines that are read between two reports of the progress: some seconds."""

MOST = 1_000
"""Differences that are listed; nothing is looked for behind them."""


class Difference(NamedTuple):
    """A sum that isn't what the lines come to: of which cell, and its name among ``db.rollups.SUMS``."""

    kind: str
    starts_at: datetime
    status: str
    currency: str
    unit: str
    sku: str | None
    customer: str | None
    name: str
    expected: Decimal
    actual: Decimal


def _named(wanted: str) -> str:
    return f"""
        WITH given AS MATERIALIZED (SELECT * FROM {GIVEN} AS s {SPAN})
        SELECT d.span_id, d.kind, d.starts_at, d.status, d.currency, d.unit, p.sku, c.code, d.place, d.expected, d.actual
        FROM ({different("given s", wanted)}) d
        LEFT JOIN products p ON p.tenant_id = $1 AND p.id = d.product_id
        LEFT JOIN partners c ON c.tenant_id = $1 AND c.id = d.customer_id
        ORDER BY d.kind, d.starts_at, d.status, d.currency, d.unit, p.sku, c.code, d.place LIMIT $6"""


_BY_LINES, _BY_MONTHS = _named(cells("given s")), _named(cells_of_months("given g"))
_SPANS = f"SELECT id, kind, starts_at, ends_at, first_day, last_day, lines FROM ({CLEAN}) s ORDER BY first_day, last_day, kind"


async def verify(
    target: Target,
    tenant: UUID,
    report: Report = lambda *_: None,
    *,
    since: date = date.min,
    through: date = date.max,
) -> tuple[int, list[Difference]]:
    """How many of a tenant's spans should be right, and where their cells aren't, at most ``MOST`` sums: from one moment of the
    data. Of ``since`` and ``through`` those that lie between. It takes no lock and may be run beside a server.

    Quarters and years are compared with their months, which were compared with the lines just before: 70 million lines would be read
    for ten. Where one of these isn't right, or isn't there, they are compared with the lines, too.
    """
    async with snapshot(target, tenant, writes=False) as connection:
        every = await connection.fetch(_SPANS, tenant)
        spans = [span for span in every if since <= span["first_day"] and span["last_day"] <= through]
        found: list[Any] = []
        done = 0
        for some in _portions(spans):
            wrong = {row["span_id"] for row in found}
            summed = [span["kind"] in LONG.values() and _summed(span, spans, wrong) for span in some]
            for sql, by_months in ((_BY_MONTHS, True), (_BY_LINES, False)):
                chosen = [tuple(span)[:4] for span, is_ in zip(some, summed, strict=True) if is_ == by_months]
                if chosen and len(found) < MOST:
                    given = map(list, zip(*chosen, strict=True))
                    found += await connection.fetch(sql, tenant, *given, MOST - len(found))
            done += len(some)
            report("Spans", done, len(spans))
    names = [*SUMS]
    return len(spans), [
        Difference._make([*row[1:8], names[row["place"]], row["expected"], row["actual"]]) for row in found
    ]


def _portions(spans: Sequence[Any]) -> Iterator[list[Any]]:
    """The spans up to a month's in portions, whole months together, and then the longer ones; of about so many lines as are read quickly."""
    months = [span for span in spans if span["kind"] not in LONG.values()]
    longer = [span for span in spans if span["kind"] in LONG.values()]
    for mine in (months, longer):
        portion: list[Any] = []
        for _, month in groupby(mine, _month if mine is months else _year):
            portion += month
            if sum(span["lines"] for span in portion) >= LINES:
                yield portion
                portion = []
        if portion:
            yield portion


def _month(span: Any) -> tuple[int, int]:
    return span["first_day"].year, span["first_day"].month


def _year(span: Any) -> int:
    return int(span["first_day"].year)


def _summed(long: Any, spans: Sequence[Any], wrong: set[Any]) -> bool:
    """Whether a quarter's or a year's months are all among the spans, and none of them is wrong."""
    days = 0
    for span in spans:
        if LONG.get(span["kind"]) == long["kind"] and long["starts_at"] <= span["starts_at"] < long["ends_at"]:
            days += (span["last_day"] - span["first_day"]).days + 1
            if span["id"] in wrong:
                return False
    return bool(days == (long["last_day"] - long["first_day"]).days + 1)
