"""Whole imports: what is stored, and what is rejected."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import text
from core.ids import new_id
from db.runtime.engine import Database, Target, administration
from services.imports import import_orders
from services.imports.store import Stored
from services.platform import tenants
from tests.support.graph import Asker
from tests.support.imports import HEADER, MAPPING, TABLES, counts, lines, orders, partners, products, rejected, run

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "import"
DATA = REPOSITORY / "tests" / "data" / "imports"
RETAIL = REPOSITORY.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"


@pytest.mark.skipif(not RETAIL.exists(), reason="the Online Retail file is not beside the checkout")
async def test_the_online_retail_file(fresh: Target, tmp_path: Path) -> None:
    """The promised numbers; and on the second run nothing is added."""
    shop, other = [await tenants.create(fresh, name, "GBP") for name in ("retail", "other")]
    file = tmp_path / "retail.csv.gz"
    shutil.copyfile(RETAIL, file)

    first = await import_orders(fresh, "retail", file, EXAMPLES / "online-retail.toml")
    stored = first.stored
    assert (first.read, stored.lines, first.already_there) == (42_481, 41_683, 0)
    assert first.rejected == {"return": 728, "quantity": 70}
    assert (stored.orders, stored.products, stored.partners) == (1_629, 2_745, 886)
    assert (f"{stored.units:f}", str(stored.total)) == ("362316", "823746.14")
    listed = (tmp_path / "retail.csv.gz.rejected.csv").read_text()
    assert listed.startswith("line,reason,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,")
    assert [sum(f",{word}: " in line for line in listed.splitlines()) for word in first.rejected] == [728, 70]

    after = await counts(fresh, shop)
    assert after == dict(zip(TABLES, (886, 2_745, 1_629, 41_683, 0, 0, 0), strict=True))
    assert set((await counts(fresh, other)).values()) == {0}
    async with administration(fresh, shop) as connection:
        assert await connection.fetchval("SELECT sum(total) FROM orders") == stored.total
        assert await connection.fetchval("SELECT count(*) FROM line_items WHERE shipped <> quantity") == 0
        assert await connection.fetchval("SELECT array_agg(DISTINCT status) FROM orders") == ["CLOSED"]
        # Two dates: the earlier. Two spellings of a sku: one product, named as most rows name it.
        placed = "SELECT to_char(placed_at AT TIME ZONE 'UTC', 'HH24:MI') FROM orders WHERE number = '536591'"
        assert await connection.fetchval(placed) == "16:57"
        name = "SELECT name FROM products WHERE sku = '85123A'"
        assert await connection.fetchval(name) == "WHITE HANGING HEART T-LIGHT HOLDER"
        people = await connection.fetch(
            "SELECT code, country FROM partners WHERE code IN ('17850', '12370', 'ANONYMOUS') ORDER BY code"
        )
        assert [tuple(row) for row in people] == [("12370", None), ("17850", "GB"), ("ANONYMOUS", None)]

    await _december_through_the_graph(fresh, shop)

    second = await import_orders(fresh, "retail", file, EXAMPLES / "online-retail.toml")
    assert (second.read, second.stored.lines, second.already_there) == (42_481, 0, 41_683)
    assert "Nothing was added." in str(second)
    assert await counts(fresh, shop) == after
    assert (tmp_path / "retail.csv.gz.rejected.csv").read_text() == listed


async def _december_through_the_graph(target: Target, shop: UUID) -> None:
    """The month's published sum, as the graph adds it up: whole, by month and by day, of lines and of orders."""
    text = """{
        december: lineItems(where: {orderWhere: {placedAt: {within: {from: "2010-12-01", through: "2010-12-31"}}}}) {
            aggregate { count orderCount productCount customerCount quantity { unit sum } total { currency sum { amount } } }
            groups(by: [{placedAt: MONTH}], fill: true) { nodes { key { placedAt { date } } aggregate { total { sum { amount } } } } }
            days: groups(by: [{placedAt: DAY}], fill: true) { groupCount nodes { aggregate { count total { sum { amount } } } } } }
        orders { aggregate { count total { currency sum { amount } } } } }"""
    database = Database(target)
    await database.open()
    try:
        for breadth_first in (True, False):
            found = (await Asker(database)(text, shop, breadth_first=breadth_first)).good
            december, days = found["december"], found["december"]["days"]
            assert december["aggregate"] == {
                "count": 41_683,
                "orderCount": 1_629,
                "productCount": 2_745,
                "customerCount": 886,
                "quantity": [{"unit": "pcs", "sum": "362316"}],
                "total": [{"currency": "GBP", "sum": {"amount": "823746.14"}}],
            }
            assert december["groups"]["nodes"] == [
                {
                    "key": {"placedAt": {"date": "2010-12-01"}},
                    "aggregate": {"total": [{"sum": {"amount": "823746.14"}}]},
                }
            ]
            amounts = [Decimal(each["sum"]["amount"]) for day in days["nodes"] for each in day["aggregate"]["total"]]
            assert (days["groupCount"], sum(amounts)) == (31, Decimal("823746.14"))
            total = [{"currency": "GBP", "sum": {"amount": "823746.14"}}]
            assert found["orders"]["aggregate"] == {"count": 1_629, "total": total}
    finally:
        await database.close()


async def test_a_shopify_export(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    shutil.copyfile(DATA / "shopify.csv", tmp_path / "shopify.csv")
    summary = await import_orders(target, shop, tmp_path / "shopify.csv", DATA / "shopify.toml")
    assert (summary.read, summary.stored.lines, summary.rejected) == (4, 3, {"return": 1})
    assert await orders(bound) == [
        ("#1001", "CLOSED", "ann@example.com", "USD", "40", "2026-01-05 14:30"),
        ("#1003", "CLOSED", "bob@example.com", "USD", "37.5", "2026-01-06 23:15"),
    ]
    assert await lines(bound) == [
        ("#1001", 1, "MUG-BLUE", "Mug, blue", "2", "12.5", "20", "2"),
        ("#1001", 2, "POSTER-M", 'Poster "Moon"\n30 x 40 cm', "1", "20", "20", "1"),
        ("#1003", 1, "MUG-BLUE", "Mug, blue", "3", "12.5", "37.5", "3"),
    ]
    assert await partners(bound) == [("ann@example.com", "Ann Lee", "US"), ("bob@example.com", "Bob Roy", "CA")]


async def test_a_german_export(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    shutil.copyfile(DATA / "german.csv", tmp_path / "german.csv")
    summary = await import_orders(target, shop, tmp_path / "german.csv", DATA / "german.toml")
    assert await orders(bound) == [
        ("R-1", "CLOSED", "1001", "EUR", "4436.4", "2025-12-31 22:30"),
        ("R-2", "CLOSED", "BARVERKAUF", "EUR", "0", "2026-04-02 22:00"),
    ]
    assert await lines(bound) == [
        ("R-1", 1, "0815", "Knäckebrot", "1200", "1.25", "1350", "1200"),
        ("R-1", 2, "0816", "Öl 0,5 l", "2.5", "1234.56", "3086.4", "2.5"),
        ("R-2", 1, "0815", "Knäckebrot", "1", "0", "0", "1"),
    ]
    assert await partners(bound) == [("1001", "Bäckerei Groß", "DE"), ("BARVERKAUF", "BARVERKAUF", "AT")]
    assert summary.rejected == {"return": 2, "columns": 1, "date": 1, "discount": 1, "price": 1, "quantity": 1}
    # In the file's own delimiter and encoding, each row as it was.
    assert (tmp_path / "german.csv.rejected.csv").read_text("cp1252").splitlines()[:4] == [
        "line;reason;Belegart;Belegnummer;Datum;Uhrzeit;Kundennr.;Kunde;Land;Artikelnr.;Bezeichnung;Menge;Einzelpreis;Rabatt",
        "5;return: The row is a return or a cancellation.;Gutschrift;G-1;04.04.2026;;1001;Bäckerei Groß;Deutschland;0815;Knäckebrot;1;1,25;",
        "6;return: The row is a return or a cancellation.;Rechnung;R-3;05.04.2026;;1002;Müller;Schweiz;0815;Knäckebrot;5-;1,25;",
        "7;quantity: The quantity is not a number with at most 14 digits and six decimals.;Rechnung;R-3;05.04.2026;;1002;Müller;Schweiz;0815;Knäckebrot;1.5;1,25;",
    ]


async def test_a_tabbed_export_in_utf_16(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    shutil.copyfile(DATA / "woo.tsv", tmp_path / "woo.tsv")
    summary = await import_orders(target, shop, tmp_path / "woo.tsv", DATA / "woo.toml")
    assert summary.rejected == {"discount": 1}
    assert await orders(bound) == [("501", "CLOSED", "WEB", "GBP", "1026.98", "2026-01-02 00:00")]
    assert await lines(bound) == [
        ("501", 1, "A", 'Café "Crème" ☕', "3", "9.99", "26.97", "3"),
        ("501", 2, "B", "שולחן", "1", "1000.005", "1000.01", "1"),
    ]
    text = (tmp_path / "woo.tsv.rejected.csv").read_text("utf-16")
    assert text.splitlines()[1:] == [
        "4\tdiscount: The discount is more than the amount.\t502\t14/2/2026\tA\tCafe\t2\t9.99\t10"
    ]


async def test_every_reason(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    """An order with a row that can't be taken isn't stored: its other rows are listed with it."""
    good = "0,ann,A,Apple,1,2.00,2026-01-02\n"
    bad = [
        ",ann,A,Apple,1,2.00,2026-01-02",
        f"{'9' * 201},ann,A,Apple,1,2.00,2026-01-02",
        "2,ann,,Apple,1,2.00,2026-01-02",
        "2,ann,A,Apple,0,2.00,2026-01-02",
        "2,ann,A,Apple,1,two,2026-01-02",
        "2,ann,A,Apple,1,2.00,02.01.2026",
        "2,ann,A,Apple,1,2.00,",
        "2,ann,A,Apple,1,2.00",
        "2,ann,A,Apple,1,2.00,2026-01-02,x",
        "2,ann,A,App\0le,1,2.00,2026-01-02",
        f"2,ann,A,{'x' * 5_001},1,2.00,2026-01-02",
        "2,ann,A,Apple,99999999999999,9,2026-01-02",
        '2,ann,A,"Apple,1,2.00,2026-01-02',
        "3,,A,Apple,1,2.00,2026-01-02",
        "1,ann,A,Apple,1,2.00,2026-01-02",
        "1,bob,A,Apple,1,2.00,2026-01-02",
        "4,ann,A,Apple,1,60000000000000,2026-01-02",
        "4,ann,A,Apple,1,60000000000000,2026-01-02",
    ]
    summary = await run(target, shop, tmp_path, good + "\n".join(bad) + "\n" + good)
    assert (summary.read, summary.stored.lines, summary.already_there) == (20, 2, 0)
    found = rejected(tmp_path)
    assert [int(row[0]) for row in found] == list(range(3, 21))
    assert [row[1].partition(":")[0] for row in found] == [
        *("order", "order", "sku", "quantity", "price", "date", "date", "columns", "columns", "text", "text"),
        *("total", "quotes", "customer", "whole", "customer", "total", "total"),
    ]
    assert [",".join(row[2:]) for row in found if "quotes" not in row[1]] == bad[:12] + bad[13:]
    assert found[12][2:] == ["2", "ann", "A", "Apple,1,2.00,2026-01-02\n"]
    assert found[13][1] == "customer: No row of the order names a customer, and the mapping has no default."
    whole = "whole: Line 18 is rejected, and an order is stored whole or not at all."
    assert found[14][1] == whole
    assert found[15][1] == "customer: An earlier row says that the order is of customer ann."
    assert sum(summary.rejected.values()) == len(found)
    assert await orders(bound) == [("0", "CLOSED", "ann", "EUR", "4", "2026-01-02 00:00")]
    assert await products(bound) == [("A", "Apple", None)]


async def test_g5_g12_keys_of_an_import_are_those_of_a_mutation(
    target: Target, shop: str, bound: Any, tmp_path: Path
) -> None:
    rows = [
        "1,ann,cafe\u0301,Un cafe\u0301,1,2.00,2026-01-02",
        "2,ann,caf\u00e9,Un caf\u00e9,1,2.00,2026-01-02",
        f"3,ann,{'k' * 200},Long,1,2.00,2026-01-02",
        "4,ann,a\tb,Tab,1,2.00,2026-01-02",
        "5,ann,B,\u200b,1,2.00,2026-01-02",
        "6,a\u202eb,B,Turned,1,2.00,2026-01-02",
    ]
    summary = await run(target, shop, tmp_path, "\n".join(rows) + "\n")
    assert (summary.stored.lines, summary.rejected) == (3, {"customer": 1, "sku": 1, "text": 1})
    assert await products(bound) == [("caf\u00e9", "Un caf\u00e9", None), ("k" * 200, "Long", None)]
    assert rejected(tmp_path)[0][1] == "sku: This contains U+0009, which is a control character: leave it out."


async def test_rows_of_an_order_needn_t_stand_together(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    rows = [
        "2,ann,A,Apple,1,2.00,2026-01-05",
        "1,bob,B,Pear,1,3.00,2026-01-04",
        "2,,B,Bear,2,3.00,2026-01-03",
        "1,bob,A,apple,4,2.00,2026-01-04",
        "2,ann,B,,3,3.00,2026-01-05",
        "2,ann,A,apple,1,1.99,2026-01-05",
        "2,ann,C,,1,1,2026-01-05",
    ]
    await run(target, shop, tmp_path, "\n".join(rows))
    assert await orders(bound) == [
        ("1", "CLOSED", "bob", "EUR", "11", "2026-01-04 00:00"),
        ("2", "CLOSED", "ann", "EUR", "19.99", "2026-01-03 00:00"),
    ]
    assert [line[:5] for line in await lines(bound)] == [
        ("1", 1, "B", "Pear", "1"),
        ("1", 2, "A", "apple", "4"),
        ("2", 1, "A", "Apple", "1"),
        ("2", 2, "B", "Bear", "2"),
        ("2", 3, "B", "Bear", "3"),
        ("2", 4, "A", "apple", "1"),
        ("2", 5, "C", "C", "1"),
    ]
    # The most frequent name; of "Bear" and "Pear", one time each, the first by code point.
    assert await products(bound) == [("A", "apple", None), ("B", "Bear", None), ("C", "C", None)]


async def test_what_is_there_is_not_changed(target: Target, shop: str, tmp_path: Path) -> None:
    tenant = await tenants.find(target, shop)
    await run(target, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    async with administration(target, tenant) as connection:
        await connection.execute("UPDATE products SET name = 'Mine', list_price = 5, list_price_currency = 'EUR'")
        await connection.execute("UPDATE partners SET name = 'Ann herself'")
        before = [tuple(row) for row in await connection.fetch("SELECT id, version, updated_at FROM orders")]
    rows = "1,ann,B,Pear,7,2.00,2026-01-05\n2,ann,A,Other,1,2.00,2026-01-06\n2,ann,A,,1,2.00,2026-01-06\n"
    summary = await run(target, shop, tmp_path, rows)
    assert (summary.read, summary.already_there, summary.rejected) == (3, 0, {"order": 1})
    assert rejected(tmp_path)[0][1] == "order: Order 1 is there already, and has no such line."
    assert replace(summary.stored, units=summary.stored.units.quantize(1)) == Stored(
        2, 1, 0, 0, summary.stored.units.quantize(1), summary.stored.total
    )
    async with administration(target, tenant) as connection:
        # Not even product B: only a skipped order has it.
        assert [row[:2] for row in await products(connection)] == [("A", "Mine")]
        assert await partners(connection) == [("ann", "Ann herself", None)]
        assert [line[:4] for line in await lines(connection)] == [
            ("1", 1, "A", "Apple"),
            ("2", 1, "A", "Other"),
            ("2", 2, "A", "Mine"),
        ]
        after = "SELECT id, version, updated_at FROM orders WHERE number = '1'"
        assert [tuple(row) for row in await connection.fetch(after)] == before


async def test_former_keys_mean_the_records_that_had_them(target: Target, shop: str, tmp_path: Path) -> None:
    tenant = await tenants.find(target, shop)
    await run(target, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    async with administration(target, tenant) as connection:
        for kind, table, key, old in (("product", "products", "sku", "A"), ("partner", "partners", "code", "ann")):
            record = await connection.fetchval(f"UPDATE {table} SET {key} = 'new' WHERE {key} = $1 RETURNING id", old)
            await connection.execute(
                "INSERT INTO key_aliases (tenant_id, id, kind, key, record_id) VALUES ($1, $2, $3, $4, $5)",
                *(tenant, new_id(), kind, old, record),
            )
    rows = "1,ann,A,Apple,1,2.00,2026-01-05\n2,ann,A,Apple,3,2.00,2026-01-06\n2,new,new,Apple,1,2.00,2026-01-06\n"
    summary = await run(target, shop, tmp_path, rows)
    assert (summary.already_there, summary.rejected) == (1, {})
    async with administration(target, tenant) as connection:
        assert [row[0] for row in await products(connection)] == ["new"]
        assert [row[0] for row in await partners(connection)] == ["new"]
        assert [line[:3] for line in await lines(connection)] == [("1", 1, "new"), ("2", 1, "new"), ("2", 2, "new")]


async def test_a_file_without_rejected_rows_has_a_list_with_only_a_header(
    target: Target, shop: str, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv.rejected.csv").write_text("of an earlier run\n")
    await run(target, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    assert (tmp_path / "orders.csv.rejected.csv").read_text() == "line,reason," + HEADER
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.toml", "orders.csv", "orders.csv.rejected.csv"]


async def test_mended_rows_are_imported_from_the_list(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    await run(target, shop, tmp_path, "1,ann,A,Apple,x,2.00,2026-01-05\n")
    listed = tmp_path / "orders.csv.rejected.csv"
    listed.write_text(listed.read_text().replace(",x,", ",6,"))
    summary = await import_orders(target, shop, listed, tmp_path / "mapping.toml")
    assert (summary.read, summary.stored.lines) == (1, 1)
    assert [line[4] for line in await lines(bound)] == ["6"]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def _kept(read: Callable[[str], str], given_text: str) -> str | None:
    """What is stored of a cell; None of one that is listed."""
    try:
        return read(given_text.strip())
    except ValueError:
        return None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20))
async def test_any_text_is_stored_as_it_is_or_listed(
    target: Target, acme: UUID, tmp_path: Path, cells: list[tuple[str, str]]
) -> None:
    prefix = new_id().hex
    with (tmp_path / "orders.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER.strip().split(","))
        writer.writerows(
            [f"{prefix}-{n:02}", "ann", sku, f"\\.\n{said}", 1, 1, "2026-01-05"] for n, (sku, said) in enumerate(cells)
        )
    (tmp_path / "mapping.toml").write_text(MAPPING)
    summary = await import_orders(target, "acme", tmp_path / "orders.csv", tmp_path / "mapping.toml")
    kept = [(_kept(text.key, sku), _kept(text.prose, f"\\.\n{said}")) for sku, said in cells]
    wanted = [(sku, said) for sku, said in kept if sku and said]
    assert summary.read == len(cells) == summary.stored.lines + sum(summary.rejected.values())
    assert summary.stored.lines == len(wanted)
    async with administration(target, acme) as connection:
        rows = await connection.fetch(
            "SELECT p.sku, l.description FROM line_items l JOIN orders o ON o.id = l.order_id"
            " JOIN products p ON p.id = l.product_id WHERE o.number LIKE $1 ORDER BY o.number",
            f"{prefix}%",
        )
    assert [tuple(row) for row in rows] == wanted


async def test_s10_an_import_leaves_statistics_of_what_it_wrote(fresh: Target, tmp_path: Path) -> None:
    await tenants.create(fresh, "statistics", "EUR")
    await run(fresh, "statistics", tmp_path, "1,C1,A,Thing,1,2.50,2026-02-01\n2,C1,B,Thing,1,2.50,2026-02-01\n")
    assert await counted(fresh) == {"partners": 1, "products": 2, "orders": 2, "line_items": 2}

    # One that brings less than a tenth of what is there doesn't pay for all of it.
    many = "".join(f"M{number},C1,A,Thing,1,2.50,2026-02-01\n" for number in range(28))
    await run(fresh, "statistics", tmp_path, many)
    assert await counted(fresh) == {"partners": 1, "products": 2, "orders": 30, "line_items": 30}
    await run(fresh, "statistics", tmp_path, "S1,C1,A,Thing,1,2.50,2026-02-01\nS2,C2,C,Thing,1,2.50,2026-02-01\n")
    assert await counted(fresh) == {"partners": 2, "products": 3, "orders": 30, "line_items": 30}
    await run(fresh, "statistics", tmp_path, "".join(f"T{number},C1,A,Thing,1,2,2026-02-01\n" for number in range(4)))
    assert await counted(fresh) == {"partners": 2, "products": 3, "orders": 36, "line_items": 36}


async def counted(target: Target) -> dict[str, int]:
    """As many rows as the planner takes the tables to have."""
    connection = await asyncpg.connect(target.admin)
    rows = await connection.fetch(
        "SELECT relname, reltuples FROM pg_class WHERE relname IN ('partners', 'products', 'orders', 'line_items')"
    )
    await connection.close()
    return dict(map(tuple, rows))


async def test_i8_orders_of_partners_who_are_no_customers_are_rejected(
    target: Target, shop: str, tmp_path: Path
) -> None:
    """As orderCreate refuses them. What is there already stays, whatever became of its customer."""
    known = "1,ACME,A,a,1,5,2024-01-01\n"
    assert (await run(target, shop, tmp_path, known)).stored.lines == 1
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        await connection.execute("UPDATE partners SET kinds = '{SUPPLIER}' WHERE code = 'ACME'")
    new = "2,ACME,A,a,1,5,2024-01-01\n2,,B,b,1,5,2024-01-01\n3,NEW,A,a,1,5,2024-01-01\n"
    summary = await run(target, shop, tmp_path, known + new)
    assert (summary.read, summary.stored.lines, summary.already_there) == (4, 1, 1)
    assert summary.rejected == {"customer": 2}
    assert [row[1] for row in rejected(tmp_path)] == ["customer: ACME is not a customer."] * 2
    async with administration(target, tenant) as bound:
        assert [(number, code) for number, _, code, *_ in await orders(bound)] == [("1", "ACME"), ("3", "NEW")]
        assert [sku for sku, *_ in await products(bound)] == ["A"]
        assert [(code, name) for code, name, _ in await partners(bound)] == [("ACME", "ACME"), ("NEW", "NEW")]
