"""Products, partners and counted stock from files."""

from pathlib import Path
from typing import Any

import pytest

from core.ids import new_id
from db.runtime.engine import Target, administration
from services.imports import record
from services.imports.things_run import import_things
from services.imports.undo import undo
from services.platform import tenants
from tests.support.imports import rejected

PRODUCTS = """
currency = "EUR"
[columns]
sku = "Article"
name = "Title"
unit = "Unit"
list_price = "Price"
active = "State"
external_id = "Id"
[numbers]
decimal = ","
[words]
"live" = "true"
"gone" = "false"
"""
PARTNERS = """
[columns]
code = "No"
name = { join = ["First", "Last"] }
email = "Mail"
country = "Land"
kinds = "Type"
[kinds]
"C" = ["CUSTOMER"]
"B" = ["CUSTOMER", "SUPPLIER"]
[countries]
"Germany" = "DE"
"""
STOCK = """
location = "MAIN-01"
reason = "counted at the start"
[columns]
sku = "Article"
quantity = "Pieces"
"""


async def load(
    target: Target, shop: str, what: str, folder: Path, text: str, mapping: str, *, dry_run: bool = False
) -> Any:
    (folder / "x.csv").write_text(text, "utf-8")
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    summary = await import_things(target, shop, what, folder / "x.csv", folder / "mapping.toml", dry_run=dry_run)
    assert summary.read == summary.imported + summary.already_there + sum(summary.left_out.values()) + sum(
        summary.rejected.values()
    )
    return summary


async def test_a_price_in_another_currency_than_its_rows_is_rejected(target: Target, shop: str, tmp_path: Path) -> None:
    mapping = PRODUCTS.replace('"EUR"', '["EUR", "USD"]').replace('unit = "Unit"', 'currency = "Cur"')
    text = """Article,Title,Cur,Price,State,Id
C1,Lamp,USD,$5,live,
C2,Lamp,EUR,$5,live,
C3,Lamp,EUR,€5,live,
"""
    summary = await load(target, shop, "products", tmp_path, text, mapping)
    assert (summary.imported, summary.rejected) == (2, {"currency": 1})
    [row] = rejected(tmp_path, "x.csv")
    assert "currency: The row's currency is EUR, and one of its amounts is in $." in str(row)


async def test_products(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    text = """Article,Title,Unit,Price,State,Id
A1,Lamp,,"12,50",live,x1
A2,,kg,,gone,
A3,Cup,pcs,4.20,live,
A4,Cup,pcs,"4,20",maybe,
A1,Lamp,,"12,50",live,x1
A1,Lamp,,"13,50",live,x1
A5,Jug,pcs,"1,00",live,x1
,,,,,
"""
    summary = await load(target, shop, "products", tmp_path, text, PRODUCTS)
    assert (summary.imported, summary.already_there, summary.left_out, summary.exit_code) == (2, 1, {"empty": 1}, 3)
    assert summary.rejected == {"active": 1, "external id": 1, "list price": 1, "sku": 1}
    rows = await bound.fetch(
        "SELECT sku, name, unit, trim_scale(list_price)::text, list_price_currency, active FROM products ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("A1", "Lamp", "pcs", "12.5", "EUR", True),
        ("A2", "A2", "kg", None, None, False),
    ]
    again = await load(target, shop, "products", tmp_path, text.replace("Lamp", "Torch"), PRODUCTS)
    assert (again.imported, again.already_there) == (0, 1)
    assert rejected(tmp_path, "x.csv")[0][1] == "sku: A1 is there already, and differs in name."
    [only] = await record.every(target, shop)
    assert (only.kind, only.counts["products"]) == ("products", 2)
    assert (await undo(target, shop, str(only.id)))["products"] == 2


async def test_partners(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    text = """No,First,Last,Mail,Land,Type
1,Ann,Lee,ann@example.org,Germany,C
2,,Works,,AT,B
3,Bo,,not an address,AT,C
4,Cy,,,Nowhere,C
5,Di,,,,X
"""
    dry = await load(target, shop, "partners", tmp_path, text, PARTNERS, dry_run=True)
    assert (dry.imported, await bound.fetchval("SELECT count(*) FROM partners")) == (2, 0)
    # There is no list, so it shows what the list would have.
    lines = str(dry).splitlines()
    assert lines[1].startswith("rejected: 1 ")
    assert [line.split(":")[:2] for line in lines[2:8:2]] == [
        ["line 4", " email"],
        ["line 5", " country"],
        ["line 6", " kind"],
    ]
    assert lines[3::2] == ["    3,Bo,,not an address,AT,C", "    4,Cy,,,Nowhere,C", "    5,Di,,,,X"]
    assert lines[8:] == ["This was a dry run: nothing was stored."]
    summary = await load(target, shop, "partners", tmp_path, text, PARTNERS)
    assert (summary.imported, summary.rejected) == (2, {"country": 1, "email": 1, "kind": 1})
    rows = await bound.fetch("SELECT code, name, email, country, kinds FROM partners ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("1", "Ann Lee", "ann@example.org", "DE", ["CUSTOMER"]),
        ("2", "Works", None, "AT", ["CUSTOMER", "SUPPLIER"]),
    ]
    again = await load(target, shop, "partners", tmp_path, text, PARTNERS)
    assert (again.imported, again.already_there) == (0, 2)


@pytest.fixture
async def place(target: Target, shop: str) -> None:
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        warehouse = new_id()
        await connection.execute(
            "INSERT INTO warehouses (tenant_id, id, code, name) VALUES ($1, $2, 'MAIN', 'Main')", tenant, warehouse
        )
        await connection.execute(
            "INSERT INTO locations (tenant_id, id, warehouse_id, code, name) VALUES ($1, $2, $3, 'MAIN-01', 'Shelf')",
            *(tenant, new_id(), warehouse),
        )
        for sku in ("A1", "A2", "A3"):
            await connection.execute(
                "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, $3, $3)", tenant, new_id(), sku
            )


async def test_stock_is_counted_through_the_engine(
    target: Target, shop: str, place: None, bound: Any, tmp_path: Path
) -> None:
    text = "Article,Pieces\nA1,12\nA2,0\nA3,\nA9,5\nA1,13\nA2,-1\n"
    summary = await load(target, shop, "stock", tmp_path, text, STOCK)
    assert (summary.imported, summary.already_there) == (1, 1)
    assert summary.rejected == {"quantity": 2, "sku": 2}
    levels = "SELECT p.sku, trim_scale(s.on_hand)::text FROM stock_levels s JOIN products p ON p.id = s.product_id ORDER BY 1"
    assert [tuple(row) for row in await bound.fetch(levels)] == [("A1", "12")]
    moves = "SELECT trim_scale(quantity)::text, reason, principal FROM stock_moves"
    assert [tuple(row) for row in await bound.fetch(moves)] == [("12", "counted at the start", "import")]
    assert await bound.fetchval("SELECT count(*) FROM events WHERE type = 'stock.set'") == 1
    again = await load(target, shop, "stock", tmp_path, "Article,Pieces\nA1,12\nA3,7\n", STOCK)
    assert (again.imported, again.already_there, again.rejected) == (1, 1, {})
    assert await bound.fetchval("SELECT count(*) FROM stock_moves") == 2


async def test_a_former_key_means_the_record_that_had_it(
    target: Target, shop: str, bound: Any, place: None, tmp_path: Path
) -> None:
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        for kind, table, key, old in (
            ("product", "products", "sku", "A1"),
            ("location", "locations", "code", "MAIN-01"),
        ):
            record_ = await connection.fetchval(
                f"UPDATE {table} SET {key} = 'NEW-1' WHERE {key} = $1 RETURNING id", old
            )
            await connection.execute(
                "INSERT INTO key_aliases (tenant_id, id, kind, key, record_id) VALUES ($1, $2, $3, $4, $5)",
                *(tenant, new_id(), kind, old, record_),
            )
    counted = await load(target, shop, "stock", tmp_path, "Article,Pieces\nA1,5\nNEW-1,5\n", STOCK)
    assert (counted.imported, counted.rejected) == (1, {"sku": 1})  # both rows are of one product
    assert await bound.fetchval("SELECT trim_scale(on_hand)::text FROM stock_levels") == "5"
    products = await load(
        target, shop, "products", tmp_path, "Article,Title,Unit,Price,State,Id\nA1,A1,,,,\n", PRODUCTS
    )
    assert (products.imported, products.already_there) == (0, 1)
    assert await bound.fetchval("SELECT count(*) FROM products") == 3
