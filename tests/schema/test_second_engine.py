"""The same questions of the same rows, asked of a second engine: DuckDB, which shares no line with PostgreSQL or with us.

The questions are those of TPC-H, on our tables: Q1 (sums and means by state), Q3 (the ten largest open), Q5 (by country), Q10
(what came back, by customer), Q15 (the best product), and shipping in full in place of Q12.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import pytest

from db.runtime.engine import Target, administration
from tests.support.graph import Asker
from tests.support.numbers import written

duckdb: Any = pytest.importorskip("duckdb")

TABLES = {
    "orders": "id UUID, status VARCHAR, customer_id UUID, currency VARCHAR, total DECIMAL(38, 6), placed_at TIMESTAMPTZ",
    "partners": "id UUID, code VARCHAR, country VARCHAR",
    "products": "id UUID, sku VARCHAR, unit VARCHAR",
    "line_items": "id UUID, order_id UUID, product_id UUID, currency VARCHAR, quantity DECIMAL(38, 6), shipped DECIMAL(38, 6),"
    " cancelled DECIMAL(38, 6), returned DECIMAL(38, 6), unit_price DECIMAL(38, 6), total DECIMAL(38, 6)",
}

Second = Any


@pytest.fixture(scope="module")
async def second(world: Target, larkspur: UUID) -> Any:
    """The demo's rows in DuckDB."""
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'Europe/Berlin'")
    async with administration(world, larkspur) as connection:
        for table, columns in TABLES.items():
            names = [each.split()[0] for each in columns.split(", ") if " " in each and not each.startswith("6)")]
            engine.execute(f"CREATE TABLE {table} ({columns})")
            rows = await connection.fetch(f"SELECT {', '.join(names)} FROM {table} WHERE tenant_id = $1", larkspur)
            assert rows
            marks = ", ".join("?" * len(names))
            given = [[str(each) if isinstance(each, UUID) else each for each in row] for row in rows]
            engine.executemany(f"INSERT INTO {table} VALUES ({marks})", given)
    return engine


def plain(rows: Iterator[Any]) -> list[list[Any]]:
    return [[written(each) if isinstance(each, Decimal) else each for each in row] for row in rows]


def number(text: str) -> str:
    return written(Decimal(text))


def mean(total: Decimal, count: int) -> str:
    return written((total / count).quantize(Decimal("0.000001"), ROUND_HALF_UP))


async def test_q1_sums_and_means_by_state(ask: Asker, larkspur: UUID, second: Second) -> None:
    text = """{ lineItems(where: {orderWhere: {placedAt: {within: {through: "2026-06-30", timeZone: "Europe/Berlin"}}}}) {
        groups(by: [{field: ORDER_STATUS}]) { nodes { key { orderStatus } aggregate { count orderCount
            quantity { unit sum avg } total { currency sum { amount } avg { amount } } } } } } }"""
    nodes = (await ask(text, larkspur)).good["lineItems"]["groups"]["nodes"]
    found = [
        [
            each["key"]["orderStatus"],
            each["aggregate"]["count"],
            each["aggregate"]["orderCount"],
            [[one["unit"], one["sum"], one["avg"]] for one in each["aggregate"]["quantity"]],
            [
                [one["currency"], number(one["sum"]["amount"]), number(one["avg"]["amount"])]
                for one in each["aggregate"]["total"]
            ],
        ]
        for each in nodes
    ]
    where = "FROM line_items l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id"
    until = "o.placed_at < TIMESTAMPTZ '2026-07-01 00:00:00 Europe/Berlin'"
    expected = []
    for status, count, orders in second.execute(
        f"SELECT o.status, count(*), count(DISTINCT o.id) {where} WHERE {until} GROUP BY 1 ORDER BY 1"
    ).fetchall():
        parts = [
            [
                [unit, written(total), mean(total, rows)]
                for unit, total, rows in second.execute(
                    f"SELECT {by}, sum(l.{what}), count(*) {where} WHERE {until} AND o.status = ? GROUP BY 1 ORDER BY 1",
                    [status],
                ).fetchall()
            ]
            for by, what in (("p.unit", "quantity"), ("l.currency", "total"))
        ]
        expected.append([status, count, orders, *parts])
    assert found == expected


async def test_q3_the_ten_largest_open(ask: Asker, larkspur: UUID, second: Second) -> None:
    text = """{ lineItems(where: {openQuantity: {gt: "0"}, orderWhere: {status: {eq: CONFIRMED}}}) {
        groups(by: [{field: CUSTOMER}], first: 10, orderBy: [{field: OPEN_TOTAL, direction: DESC}], currency: EUR) {
            nodes { key { customer { code } } aggregate { openTotal { sum { amount } } } } groupCount
            other { aggregate { openTotal { sum { amount } } } } } } }"""
    groups = (await ask(text, larkspur)).good["lineItems"]["groups"]
    expected = second.execute("""
        SELECT c.code, sum(round((l.quantity - l.shipped - l.cancelled) * l.unit_price, 2)) AS open
        FROM line_items l JOIN orders o ON o.id = l.order_id JOIN partners c ON c.id = o.customer_id
        WHERE o.status = 'CONFIRMED' AND l.quantity - l.shipped - l.cancelled > 0 GROUP BY 1 ORDER BY 2 DESC, 1""").fetchall()
    found = [
        [each["key"]["customer"]["code"], number(each["aggregate"]["openTotal"][0]["sum"]["amount"])]
        for each in groups["nodes"]
    ]
    assert found == plain(expected[:10])
    assert groups["groupCount"] == len(expected)
    rest = sum((row[1] for row in expected[10:]), Decimal(0))
    other = groups["other"]["aggregate"]["openTotal"][0]["sum"]["amount"] if groups["other"] else "0"
    assert number(other) == written(rest)


@pytest.mark.parametrize("unit", ["month", "quarter", "week", "day"])
async def test_q5_by_country_and_period(ask: Asker, larkspur: UUID, second: Second, unit: str) -> None:
    text = """query ($unit: PeriodUnit!) { lineItems(where: {orderWhere: {status: {in: [CONFIRMED, CLOSED]}}}) {
        groups(by: [{placedAt: $unit}, {field: CUSTOMER_COUNTRY}], first: 1000, timeZone: "Europe/Berlin") {
            nodes { key { placedAt { date } customerCountry } aggregate { count total { sum { amount } } } } } } }"""
    nodes = (await ask(text, larkspur, {"unit": unit.upper()})).good["lineItems"]["groups"]["nodes"]
    found = [
        [
            each["key"]["placedAt"]["date"],
            each["key"]["customerCountry"],
            each["aggregate"]["count"],
            number(each["aggregate"]["total"][0]["sum"]["amount"]),
        ]
        for each in nodes
    ]
    expected = second.execute(f"""
        SELECT strftime(date_trunc('{unit}', o.placed_at::TIMESTAMP), '%Y-%m-%d'), c.country, count(*), sum(l.total)
        FROM line_items l JOIN orders o ON o.id = l.order_id JOIN partners c ON c.id = o.customer_id
        WHERE o.status IN ('CONFIRMED', 'CLOSED') GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST LIMIT 1000""").fetchall()
    assert len(found) > 10
    assert found == plain(expected)


async def test_q10_what_came_back_by_customer(ask: Asker, larkspur: UUID, second: Second) -> None:
    text = """{ lineItems { groups(by: [{field: CUSTOMER}], first: 1000) {
        nodes { key { customer { code } } aggregate { returnedQuantity { unit sum max } } } } } }"""
    nodes = (await ask(text, larkspur)).good["lineItems"]["groups"]["nodes"]
    found = sorted(
        [each["key"]["customer"]["code"], one["unit"], one["sum"], one["max"]]
        for each in nodes
        for one in each["aggregate"]["returnedQuantity"]
    )
    expected = second.execute("""
        SELECT c.code, p.unit, sum(l.returned), max(l.returned) FROM line_items l JOIN orders o ON o.id = l.order_id
        JOIN partners c ON c.id = o.customer_id JOIN products p ON p.id = l.product_id GROUP BY 1, 2""").fetchall()
    assert found == sorted(plain(expected))
    assert any(each[2] != "0" for each in found)


async def test_q15_the_best_product(ask: Asker, larkspur: UUID, second: Second) -> None:
    text = """{ lineItems { groups(by: [{field: PRODUCT}], first: 1, currency: EUR, orderBy: [{field: TOTAL, direction: DESC}]) {
        nodes { share key { product { sku } } aggregate { total { sum { amount } } } } } } }"""
    [best] = (await ask(text, larkspur)).good["lineItems"]["groups"]["nodes"]
    [expected] = second.execute("""
        SELECT p.sku, sum(l.total) AS sold, sum(l.total) / (SELECT sum(total) FROM line_items WHERE currency = 'EUR')
        FROM line_items l JOIN products p ON p.id = l.product_id WHERE l.currency = 'EUR' GROUP BY 1 ORDER BY 2 DESC, 1
        LIMIT 1""").fetchall()
    amount = number(best["aggregate"]["total"][0]["sum"]["amount"])
    assert (best["key"]["product"]["sku"], amount) == (expected[0], written(expected[1]))
    assert abs(float(best["share"]) - float(expected[2])) < 1e-6


async def test_q12_lines_shipped_in_full(ask: Asker, larkspur: UUID, second: Second) -> None:
    text = "{ lineItems { aggregate { count wantedCount shippedInFullCount } } orders { aggregate { count customerCount } } }"
    found = (await ask(text, larkspur)).good
    [expected] = second.execute("""
        SELECT count(*), count(*) FILTER (cancelled < quantity),
               count(*) FILTER (cancelled < quantity AND shipped = quantity - cancelled) FROM line_items""").fetchall()
    assert tuple(found["lineItems"]["aggregate"].values()) == tuple(expected)
    [orders] = second.execute("SELECT count(*), count(DISTINCT customer_id) FROM orders").fetchall()
    assert tuple(found["orders"]["aggregate"].values()) == tuple(orders)
