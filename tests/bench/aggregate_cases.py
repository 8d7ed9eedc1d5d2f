"""What ``bench_aggregates`` asks of the graph, and the same written by hand: the least SQL for exactly that, and the answer made of it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

ByHand = Callable[[Any, UUID], Awaitable[Any]]
"""The data of the same answer, by a connection that no policy binds, for a tenant."""


class Case(NamedTuple):
    """A query, the statements that it takes, the same by hand, and how many times as long it may take at most, beside ``FIXED``."""

    name: str
    query: str
    statements: int
    by_hand: ByHand
    bound: float


FIXED = 0.8
"""Milliseconds that every request takes: it is planned and guarded, and has a snapshot of its own."""

MONEY = "total { currency count sum { amount } avg { amount } min { amount } max { amount } }"
TOTAL = "aggregate { total { currency sum { amount } } }"
BEST = "orderBy: [{field: TOTAL, direction: DESC}]"

_DIGITS = "CASE currency WHEN 'JPY' THEN 0 ELSE 2 END"
_AMOUNTS = f"""n, round(sum, {_DIGITS})::text AS sum, round(avg, greatest(min_scale(avg), {_DIGITS}))::text AS avg,
    round(min, {_DIGITS})::text AS min, round(max, {_DIGITS})::text AS max"""
_SUMS = "count(*) AS n, sum({0}.total) AS sum, round(sum({0}.total) / count(*), 6) AS avg, min({0}.total) AS min, max({0}.total) AS max"
_SUM = f"round(sum(total), {_DIGITS})::text AS sum"
_LINES = "line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id) WHERE l.tenant_id = $1 AND o.tenant_id = $1"


def _money(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "currency": row["currency"],
            "count": row["n"],
            **{name: {"amount": row[name]} for name in ("sum", "avg", "min", "max")},
        }
        for row in rows
    ]


def _sums(rows: Iterable[Any]) -> dict[str, Any]:
    return {"total": [{"currency": row["currency"], "sum": {"amount": row["sum"]}} for row in rows]}


def _grouped(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    found = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


async def _orders(connection: Any, tenant: UUID) -> Any:
    rows = await connection.fetch(
        f"""SELECT currency, {_AMOUNTS} FROM (
                SELECT currency, {_SUMS.format("o")} FROM orders o WHERE tenant_id = $1 GROUP BY 1) s ORDER BY 1""",
        tenant,
    )
    return {"orders": {"aggregate": {"count": sum(row["n"] for row in rows), "total": _money(rows)}}}


async def _months(connection: Any, tenant: UUID) -> Any:
    rows = await connection.fetch(
        f"""SELECT month, currency, {_AMOUNTS} FROM (
                SELECT date_trunc('month', o.placed_at, 'UTC')::date AS month, l.currency, {_SUMS.format("l")} FROM {_LINES}
                GROUP BY 1, 2) s ORDER BY 1, 2""",
        tenant,
    )
    nodes = [
        {"key": {"placedAt": {"date": month.isoformat()}}, "aggregate": {"total": _money(each)}}
        for month, each in _grouped(rows, "month").items()
    ]
    return {"lineItems": {"groups": {"nodes": nodes}}}


async def _three(connection: Any, tenant: UUID) -> Any:
    rows = await connection.fetch(
        f"""WITH cells AS MATERIALIZED (
                SELECT l.product_id AS a, c.country AS b, date_trunc('quarter', o.placed_at, 'UTC') AS d, l.currency, sum(l.total) AS total
                FROM line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
                JOIN partners c ON (c.tenant_id, c.id) = (o.tenant_id, o.customer_id)
                WHERE l.tenant_id = $1 AND o.tenant_id = $1 AND c.tenant_id = $1 GROUP BY 1, 2, 3, 4),
            placed AS (SELECT *, dense_rank() OVER (ORDER BY v DESC NULLS LAST, a, b, d) AS place FROM (
                SELECT *, sum(total) FILTER (WHERE currency = 'EUR') OVER (PARTITION BY a, b, d) AS v FROM cells) valued)
            SELECT least(place, 11) AS place, currency, {_SUM}, max(v) AS v FROM placed GROUP BY 1, 2
            UNION ALL SELECT 0, currency, {_SUM}, NULL FROM cells GROUP BY 2 ORDER BY 1, 2""",
        tenant,
    )
    places = _grouped(rows, "place")
    whole = next(Decimal(row["sum"]) for row in places.pop(0) if row["currency"] == "EUR")
    rest = places.pop(11)
    nodes = [
        {"share": f"{round(each[0]['v'] / whole, 6).normalize():f}", "aggregate": _sums(each)}
        for each in places.values()
    ]
    return {"lineItems": {"groups": {"nodes": nodes, "other": {"aggregate": _sums(rest)}}}}


async def _partners(connection: Any, tenant: UUID) -> Any:
    partners = await connection.fetch(
        "SELECT id, code FROM partners WHERE tenant_id = $1 ORDER BY code LIMIT 50", tenant
    )
    rows = await connection.fetch(
        f"""SELECT customer_id, currency, {_AMOUNTS} FROM (
                SELECT customer_id, currency, {_SUMS.format("o")} FROM orders o WHERE tenant_id = $1 AND customer_id = ANY($2)
                GROUP BY 1, 2) s ORDER BY 1, 2""",
        tenant,
        [row["id"] for row in partners],
    )
    found = _grouped(rows, "customer_id")
    nodes = [
        {
            "code": row["code"],
            "orders": {
                "aggregate": {
                    "count": sum(each["n"] for each in found.get(row["id"], ())),
                    "total": _money(found.get(row["id"], ())),
                }
            },
        }
        for row in partners
    ]
    return {"partners": {"nodes": nodes}}


async def _monthly(connection: Any, tenant: UUID, products: list[UUID], *, dated: bool) -> dict[UUID, list[Any]]:
    """The months of each of some products."""
    rows = await connection.fetch(
        f"""SELECT product_id, month, currency, {_SUM} FROM (
                SELECT l.product_id, date_trunc('month', o.placed_at, 'UTC')::date AS month, l.currency, sum(l.total) AS total
                FROM {_LINES} AND l.product_id = ANY($2) GROUP BY 1, 2, 3) s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
        tenant,
        products,
    )
    return {
        product: [
            ({"key": {"placedAt": {"date": month.isoformat()}}} if dated else {}) | {"aggregate": _sums(cells)}
            for month, cells in _grouped(each, "month").items()
        ]
        for product, each in _grouped(rows, "product_id").items()
    }


async def _products(connection: Any, tenant: UUID) -> Any:
    products = await connection.fetch("SELECT id, sku FROM products WHERE tenant_id = $1 ORDER BY sku LIMIT 20", tenant)
    months = await _monthly(connection, tenant, [row["id"] for row in products], dated=True)
    nodes = [{"sku": row["sku"], "lineItems": {"groups": {"nodes": months.get(row["id"], [])}}} for row in products]
    return {"products": {"nodes": nodes}}


async def _best(connection: Any, tenant: UUID) -> Any:
    best = await connection.fetch(
        """SELECT product_id FROM line_items WHERE tenant_id = $1 GROUP BY 1
           ORDER BY sum(total) FILTER (WHERE currency = 'EUR') DESC NULLS LAST, 1 LIMIT 10""",
        tenant,
    )
    products = [row["product_id"] for row in best]
    skus = {
        row["id"]: row["sku"]
        for row in await connection.fetch(
            "SELECT id, sku FROM products WHERE tenant_id = $1 AND id = ANY($2)", tenant, products
        )
    }
    months = await _monthly(connection, tenant, products, dated=False)
    nodes = [{"key": {"product": {"sku": skus[each]}}, "groups": {"nodes": months[each]}} for each in products]
    return {"lineItems": {"groups": {"nodes": nodes}}}


CASES = (
    Case("all orders", f"{{ orders {{ aggregate {{ count {MONEY} }} }} }}", 1, _orders, 1.15),
    Case(
        "all lines by month",
        f'{{ lineItems {{ groups(by: [{{placedAt: MONTH}}], timeZone: "UTC", currency: EUR) {{ nodes {{ key {{ placedAt {{ date }} }}'
        f" aggregate {{ {MONEY} }} }} }} }} }}",
        1,
        _months,
        1.15,
    ),
    Case(
        "ten best of three",
        '{ lineItems { groups(by: [{field: PRODUCT}, {field: CUSTOMER_COUNTRY}, {placedAt: QUARTER}], first: 10, timeZone: "UTC",'
        f" currency: EUR, {BEST}) {{ nodes {{ share {TOTAL} }} other {{ {TOTAL} }} }} }} }}",
        1,
        _three,
        1.15,
    ),
    Case(
        "50 partners each",
        f"{{ partners(first: 50) {{ nodes {{ code orders {{ aggregate {{ count {MONEY} }} }} }} }} }}",
        2,
        _partners,
        1.3,
    ),
    Case(
        "20 products by month",
        '{ products(first: 20) { nodes { sku lineItems { groups(by: [{placedAt: MONTH}], timeZone: "UTC", currency: EUR) { nodes {'
        f" key {{ placedAt {{ date }} }} {TOTAL} }} }} }} }} }} }}",
        2,
        _products,
        1.3,
    ),
    Case(
        "ten best, by month",
        f'{{ lineItems {{ groups(by: [{{field: PRODUCT}}], first: 10, timeZone: "UTC", currency: EUR, {BEST})'
        f" {{ nodes {{ key {{ product {{ sku }} }} groups(by: [{{placedAt: MONTH}}]) {{ nodes {{ {TOTAL} }} }} }} }} }} }}",
        3,
        _best,
        1.3,
    ),
)
