"""Rollups: what order lines add up to, kept for spans of time, so that sums over years need not read every line.

All of it follows from orders and lines, and from the log of commits (docs/decisions/0058-rollups-from-the-log.md). ``$1`` is the tenant in
the SQL here.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Integer, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.changes import KINDS as CHANGES
from core.money import OTHER_DIGITS, USUAL_DIGITS
from db.base import CURRENCY, KEY_TEXT, Base, TenantRow, left_out, tenant_args, tenant_fk, tenant_index

DAYS, PRODUCTS, CUSTOMERS = SHORT = ("DAYS", "PRODUCTS", "CUSTOMERS")
"""By what besides their span cells are kept apart: by nothing; by the product; by the customer."""

LONG = {PRODUCTS: "PRODUCTS_LONG", CUSTOMERS: "CUSTOMERS_LONG"}
"""The same for quarters and years, which are kept beside the months that they consist of. Kinds of their own: who knows of months
alone would add what is in both.
"""

KINDS = (*SHORT, *LONG.values())

ORDER = CHANGES["ORDER"].number

DERIVED = left_out("it follows from orders, and is worked out again")


class SalesFold(TenantRow, Base):
    """Up to which commit the spans are right by themselves, and by the clock of which time zone they begin. A tenant has one."""

    __tablename__ = "sales_folds"
    __table_args__ = (*tenant_args(UniqueConstraint("tenant_id")), {"info": DERIVED})

    commit_id: Mapped[UUID]
    timezone: Mapped[str]
    folded_at: Mapped[datetime]


class SalesSpan(TenantRow, Base):
    """A stretch of time of which there are cells: a day of the tenant, a month, a quarter or a year."""

    __tablename__ = "sales_spans"
    __table_args__ = (
        *tenant_args(
            UniqueConstraint("tenant_id", "kind", "starts_at", "ends_at"),
            CheckConstraint(f"kind IN {KINDS}", name="kind"),
            CheckConstraint("starts_at < ends_at", name="span"),
        ),
        {"info": DERIVED},
    )

    kind: Mapped[str] = mapped_column(KEY_TEXT)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # The days of the tenant's that it consists of: one, or all of a month, a quarter or a year.
    first_day: Mapped[date]
    last_day: Mapped[date]
    # How many cells it has, and lines in them.
    cells: Mapped[int] = mapped_column(Integer)
    lines: Mapped[int] = mapped_column(Integer)


def _sum() -> Any:
    return mapped_column(Numeric())


class SalesCell(TenantRow, Base):
    """What the lines of a span add up to that have all of these in common. Of drafts there is nothing in it."""

    __tablename__ = "sales_cells"
    __table_args__ = (
        *tenant_args(
            tenant_fk("span_id", "sales_spans", ondelete="CASCADE"),
            tenant_index("ix_sales_cells_span", "span_id"),
            # Not the product or the customer first: PostgreSQL takes such an index for one that follows the table, since it begins with
            # the tenant, and reads cells of years in an order in which they don't lie.
            tenant_index(
                "ix_sales_cells_span_product",
                "span_id",
                "product_id",
                postgresql_where=text("product_id IS NOT NULL"),
            ),
            tenant_index(
                "ix_sales_cells_span_customer",
                "span_id",
                "customer_id",
                postgresql_where=text("customer_id IS NOT NULL"),
            ),
        ),
        {"info": DERIVED},
    )

    span_id: Mapped[UUID]
    # The span's, repeated: what periods are made of.
    starts_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(KEY_TEXT)
    currency: Mapped[str] = mapped_column(CURRENCY)
    # The product's, which keeps it once it was ordered.
    unit: Mapped[str] = mapped_column(KEY_TEXT)
    product_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    lines: Mapped[int] = mapped_column(Integer)
    # Orders whose first line is among them: of several cells together as many as they have, where none is left out.
    orders: Mapped[int] = mapped_column(Integer)
    wanted: Mapped[int] = mapped_column(Integer)
    shipped_in_full: Mapped[int] = mapped_column(Integer)
    quantity: Mapped[Decimal] = _sum()
    shipped: Mapped[Decimal] = _sum()
    returned: Mapped[Decimal] = _sum()
    cancelled: Mapped[Decimal] = _sum()
    open: Mapped[Decimal] = _sum()
    total: Mapped[Decimal] = _sum()
    open_total: Mapped[Decimal] = _sum()
    # Prices, each as often as units were ordered at it.
    priced: Mapped[Decimal] = _sum()


_OPEN = "l.quantity - l.shipped - l.cancelled"
_OPEN_COST = f"""CASE WHEN l.unit_quantity IS NULL THEN ({_OPEN}) * l.unit_price
                        ELSE ({_OPEN}) * l.unit_quantity * l.unit_price / l.quantity END"""
"""A price is that of one of what the line was ordered in (loaders/sales has the same)."""
_DIGITS = (
    "CASE "
    + " ".join(f"WHEN l.currency = '{code}' THEN {digits}" for code, digits in sorted(OTHER_DIGITS.items()))
    + f" ELSE {USUAL_DIGITS} END"
)

SUMS = {
    "lines": "count(*)",
    "orders": "count(*) FILTER (WHERE l.first)",
    "wanted": "count(*) FILTER (WHERE l.cancelled < l.quantity)",
    "shipped_in_full": "count(*) FILTER (WHERE l.cancelled < l.quantity AND l.shipped >= l.quantity - l.cancelled)",
    "quantity": "sum(l.quantity)",
    "shipped": "sum(l.shipped)",
    "returned": "sum(l.returned)",
    "cancelled": "sum(l.cancelled)",
    "open": f"sum({_OPEN})",
    "total": "sum(l.total)",
    "open_total": f"sum(round({_OPEN_COST}, {_DIGITS}))",
    "priced": "sum(l.unit_price * coalesce(l.unit_quantity, l.quantity))",
}
"""What cells have, of their lines ``l``."""

COMMON = ("span_id", "starts_at", "status", "currency", "unit", "product_id", "customer_id")
"""What the lines of a cell have in common."""

NULLABLE = ("product_id", "customer_id")

NO_DRAFT = "status <> 'DRAFT'"
"""Drafts are left out: they alone may get another time. No order becomes a draft again."""


def cells(spans: str) -> str:
    """The statement for the cells of spans ``s`` (``id``, ``kind``, ``starts_at``, ``ends_at``), from orders and lines.

    Span by span, then order by order: the planner knows nothing of how long spans are. Left to itself it read all ten million
    lines of a tenant for each month, to look afterwards which are of the month.
    """
    sums = ", ".join(f"{sum_} AS {name}" for name, sum_ in SUMS.items())
    return f"""
        SELECT o.span_id, o.starts_at, o.status, l.currency, p.unit,
               CASE WHEN o.kind IN ('{PRODUCTS}', '{LONG[PRODUCTS]}') THEN l.product_id END AS product_id,
               CASE WHEN o.kind IN ('{CUSTOMERS}', '{LONG[CUSTOMERS]}') THEN o.customer_id END AS customer_id, {sums}
        FROM (
            SELECT s.id AS span_id, s.kind, s.starts_at, o.* FROM {spans} CROSS JOIN LATERAL (
                SELECT o.id, o.status, o.customer_id FROM orders o
                WHERE o.tenant_id = $1 AND o.placed_at >= s.starts_at AND o.placed_at < s.ends_at AND o.{NO_DRAFT} OFFSET 0
            ) o OFFSET 0
        ) o
        CROSS JOIN LATERAL (
            SELECT i.*, i.position = min(i.position) OVER () AS first FROM line_items i
            WHERE i.tenant_id = $1 AND i.order_id = o.id
        ) l
        JOIN products p ON p.tenant_id = $1 AND p.id = l.product_id
        GROUP BY 1, 2, 3, 4, 5, 6, 7"""


def touched(after: str) -> str:
    """The orders that commits behind a number touched."""
    return f"""
        SELECT DISTINCT subject AS id FROM (
            SELECT unnest(kinds) AS kind, unnest(subjects) AS subject FROM commits WHERE tenant_id = $1 AND seq > {after}
        ) u WHERE kind = {ORDER}"""


def reloaded(after: str) -> str:
    """Whether one of them says that all orders are to be read again."""
    return f"EXISTS (SELECT FROM commits WHERE tenant_id = $1 AND seq > {after} AND {ORDER} = ANY(reload))"


STANDING = """
    SELECT f.id, f.timezone, c.seq FROM sales_folds f
    JOIN commits c ON c.tenant_id = $1 AND c.id = f.commit_id
    JOIN tenants t ON t.id = $1 AND t.timezone = f.timezone
    WHERE f.tenant_id = $1"""
"""The tenant's fold, with the number of its commit: none where the log has it no longer (it is kept for a time, and a gap behind it
couldn't be seen), or where days begin by another clock now.
"""

CLEAN = f"""
    WITH fold AS MATERIALIZED ({STANDING}),
    moments AS MATERIALIZED (
        SELECT DISTINCT o.placed_at FROM orders o JOIN ({touched("(SELECT seq FROM fold)")}) t ON t.id = o.id
        WHERE o.tenant_id = $1 AND o.{NO_DRAFT}
    )
    SELECT s.*, f.timezone FROM sales_spans s, fold f
    WHERE s.tenant_id = $1 AND NOT {reloaded("(SELECT seq FROM fold)")} AND NOT EXISTS (
        SELECT FROM moments m WHERE m.placed_at >= s.starts_at AND m.placed_at < s.ends_at)"""
"""The spans whose cells are what their lines add up to."""

_NOBODY = "'00000000-0000-0000-0000-000000000000'"
_SAME = " AND ".join(
    f"coalesce(t.{name}, {_NOBODY}) = coalesce(w.{name}, {_NOBODY})" if name in NULLABLE else f"t.{name} = w.{name}"
    for name in COMMON
)
_NUMBERS = ", ".join(f"({place}, {{0}}.{name}::numeric)" for place, name in enumerate(SUMS))

LONG_OF = ", ".join(f"('{short}', '{long}')" for short, long in LONG.items())


def cells_of_months(spans: str) -> str:
    """The statement for the cells of quarters and years ``g``, from those of their months: right but for the same orders as theirs are."""
    common, sums = (
        ", ".join(f"c.{name}" for name in COMMON[2:]),
        ", ".join(f"sum(c.{name}) AS {name}" for name in SUMS),
    )
    return f"""
        SELECT g.id AS span_id, g.starts_at, {common}, {sums}
        FROM {spans} JOIN (VALUES {LONG_OF}) k (short, long) ON k.long = g.kind
        JOIN sales_spans s ON s.tenant_id = $1 AND s.kind = k.short AND s.starts_at >= g.starts_at AND s.ends_at <= g.ends_at
        JOIN sales_cells c ON c.tenant_id = $1 AND c.span_id = s.id
        GROUP BY g.id, g.starts_at, {common}"""


def different(spans: str, wanted: str) -> str:
    """What cells of spans ``s`` say that isn't so, sum by sum (``place`` among ``SUMS``). ``wanted`` is the statement for what they should
    be. There is no cell without lines.
    """
    return f"""
    WITH there AS (SELECT c.* FROM sales_cells c JOIN {spans} ON s.id = c.span_id WHERE c.tenant_id = $1),
    wanted AS ({wanted})
    SELECT s.id AS span_id, s.kind, s.starts_at, coalesce(t.status, w.status) AS status, coalesce(t.currency, w.currency) AS currency,
           coalesce(t.unit, w.unit) AS unit, coalesce(t.product_id, w.product_id) AS product_id,
           coalesce(t.customer_id, w.customer_id) AS customer_id, a.place, coalesce(b.number, 0) AS expected,
           coalesce(a.number, 0) AS actual
    FROM there t FULL JOIN wanted w ON {_SAME}
    JOIN {spans} ON s.id = coalesce(t.span_id, w.span_id)
    CROSS JOIN LATERAL (VALUES {_NUMBERS.format("t")}) a (place, number)
    JOIN LATERAL (VALUES {_NUMBERS.format("w")}) b (place, number) ON a.place = b.place
    WHERE coalesce(b.number, 0) <> coalesce(a.number, 0)"""


_DAY = "timezone((SELECT timezone FROM fold), o.placed_at)::date AS day"

DAYS_DIFFERENT = f"""
    WITH fold AS MATERIALIZED ({STANDING})
    SELECT NULL::uuid, NULL::uuid, NULL::uuid, NULL::uuid,
           coalesce(CASE WHEN k.total = l.total THEN l.lines ELSE l.total END, 0), CASE WHEN k.total = l.total THEN k.lines ELSE k.total END
    FROM (
        SELECT s.first_day AS day, coalesce(c.lines, 0) AS lines, coalesce(c.total, 0) AS total
        FROM sales_spans s LEFT JOIN (
            SELECT span_id, sum(lines) AS lines, sum(total) AS total FROM sales_cells WHERE tenant_id = $1 GROUP BY 1
        ) c ON c.span_id = s.id
        WHERE s.tenant_id = $1 AND s.kind = '{DAYS}'
    ) k
    LEFT JOIN (
        SELECT {_DAY}, count(*) AS lines, sum(i.total) AS total
        FROM orders o JOIN line_items i ON i.tenant_id = $1 AND o.tenant_id = $1 AND i.order_id = o.id
        WHERE o.{NO_DRAFT} GROUP BY 1
    ) l ON l.day = k.day
    LEFT JOIN (
        SELECT DISTINCT {_DAY} FROM orders o JOIN ({touched("(SELECT seq FROM fold)")}) t ON t.id = o.id WHERE o.tenant_id = $1
    ) touched ON touched.day = k.day
    WHERE EXISTS (SELECT FROM fold) AND NOT {reloaded("(SELECT seq FROM fold)")} AND touched.day IS NULL
          AND (k.lines, k.total) <> (coalesce(l.lines, 0), coalesce(l.total, 0))"""
"""The same in short, for the checks of the books: days whose lines, or totals together, aren't what their cells say. Without a loop over
spans, which the planner would take there for small.
"""
