"""docs/add-a-module.md works as it stands: its blocks are put into a copy of the code, and the module is used there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.admin.migrate import head
from db.runtime.engine import Target
from tests.support.postgres import TestServer

ROOT = Path(__file__).parents[2]
LAYERS = ("app", "core", "db", "execution", "loaders", "migrations", "resolvers", "schema", "services")
BLOCK = re.compile(r"^```\w+\n# (\S+?)(, changed lines|, at its end)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUERY = """{ products(where: {sku: {eq: "P-1"}}) { nodes { supplierCount supplierPrices(first: 1) { totalCount { value } nodes {
  id __typename price { amount currency } minimum leadDays supplier { code } product { sku } } } } } }"""
SET = """mutation ($lines: [SupplierPriceLineInput!]!) { supplierPricesSet(input: {supplier: {code: "S-1"}, lines: $lines}) {
  supplierPrices { price { amount } minimum leadDays } userErrors { code path } } }"""
SCRIPT = """
import asyncio, json, sys
from graphql import parse
from core.ids import new_id
from app.context import Principal, RequestContext
from app.registry import build
from app.settings import load
from db.admin import migrate
from db.runtime.engine import Database, Target, administration
from services.platform import tenants

def line(sku, amount, minimum):
    price = {"amount": amount, "currency": "EUR"}
    return {"product": {"sku": sku}, "price": price, "minimum": minimum, "leadDays": 3}

async def main(admin, serving, query, mutation):
    target = Target(admin, serving)
    await migrate.upgrade(target)
    different = await migrate.differences(target)
    tenant = await tenants.create(target, "walk", "EUR")
    product, *suppliers = new_id(), new_id(), new_id()
    async with administration(target, tenant) as owner:
        await owner.execute("INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, 'P-1', 'x')", tenant, product)
        for number, supplier in enumerate(suppliers):
            await owner.execute("INSERT INTO partners (tenant_id, id, code, name, kinds)"
                                " VALUES ($1, $2, $3, 'x', '{SUPPLIER}')", tenant, supplier, f"S-{number}")
            await owner.execute("INSERT INTO supplier_prices (tenant_id, id, product_id, supplier_id, price, currency,"
                                " minimum) VALUES ($1, $2, $3, $4, $5, 'EUR', 10)", tenant, new_id(), product, supplier, 9 - number)
    database = Database(target)
    await database.open()
    answers = []
    for breadth_first in (True, False):
        graph = build(load().modules, breadth_first=breadth_first)
        async with database.reader(tenant) as reader:
            context = RequestContext(Principal(tenant, "walk"), reader, graph.nodes)
            result = await graph.execute_document(parse(query), context=context)
            answers.append([result.data, list(map(str, result.errors or ())), len(reader.ran)])
    written = []
    for lines in ([line("P-1", "7.5", "10"), line("P-1", "7", "100")], [line("P-1", "1", "1"), line("none", "-1", "1")],
                  [line("P-1", "1", "1"), line("P-1", "2", "1"), line("none", "3", "1")]):
        async with database.reader(tenant) as reader:
            context = RequestContext(Principal(tenant, "walk"), reader, graph.nodes, database=database)
            result = await graph.execute_document(parse(mutation), {"lines": lines}, context=context)
            written.append([result.data, list(map(str, result.errors or ()))])
    clerk = Principal(tenant, "walk", frozenset({"offers:read"}))
    async with database.reader(tenant) as reader:
        context = RequestContext(clerk, reader, graph.nodes, database=database)
        result = await graph.execute_document(parse(mutation), {"lines": [line("P-1", "1", "1")]}, context=context)
        written.append([result.data, list(map(str, result.errors or ()))])
    async with administration(target, tenant) as owner:
        stored = await owner.fetch("SELECT price::text, minimum::text FROM supplier_prices WHERE tenant_id = $1 AND minimum > 1"
                                   " ORDER BY price", tenant)
    await database.close()
    await migrate.downgrade(target, "-1")
    print(json.dumps({"written": written, "stored": [list(map(float, row)) for row in stored], "different": [str(each) for each in different], "answers": answers}))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code with the document's module in it."""
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, tmp_path / layer, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, changes, text in BLOCK.findall((ROOT / "docs" / "add-a-module.md").read_text()):
        path = tmp_path / name
        if changes == ", at its end":
            path.write_text(f"{path.read_text()}\n\n{text}")
        elif changes:
            path.write_text(changed(path.read_text(), text))
        else:
            # The document can't know how many migrations there are by now.
            path.write_text(text.replace('down_revision = "0001"', f'down_revision = "{head()}"'))
    return tmp_path


def changed(before: str, lines: str) -> str:
    """The text with each of the lines in place of the one that begins as it does."""
    for line in filter(None, lines.splitlines()):
        start = re.split(r"(?<=,)|(?<= import )", line, maxsplit=1)[0]
        [old] = [each for each in before.splitlines() if each.startswith(start)]
        before = before.replace(old, line)
    return before


@pytest.fixture
async def empty(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh("template0") as target:
        yield target


async def test_the_module_works(copy: Path, empty: Target) -> None:
    command = [sys.executable, "-c", SCRIPT, empty.admin, empty.serving, QUERY, SET]
    ran = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])  # after the line that the refusal leaves in the log
    assert found["different"] == []
    assert found["answers"][0] == found["answers"][1]
    data, errors, statements = found["answers"][0]
    assert errors == []
    [product] = data["products"]["nodes"]
    [price] = product["supplierPrices"]["nodes"]
    assert price.pop("id").startswith("spr_")
    assert product == {
        "supplierCount": 2,
        "supplierPrices": {"totalCount": {"value": 2}, "nodes": [price]},
    }
    assert price == {
        "__typename": "SupplierPrice",
        "price": {"amount": "8.00", "currency": "EUR"},
        "minimum": "10",
        "leadDays": None,
        "supplier": {"code": "S-1"},
        "product": {"sku": "P-1"},
    }
    # The list of products, their suppliers' number, their prices, the prices' number, suppliers, products.
    assert statements == 6
    check_written(found["written"])
    # S-1's price for ten was replaced, one for a hundred was added, and nothing of what was refused is stored.
    assert found["stored"] == [[7.0, 100.0], [7.5, 10.0], [9.0, 10.0]]


def check_written(answers: list[Any]) -> None:
    """A mutation that was carried out, two that were refused with all that is wrong, and one that isn't allowed."""
    first, values, rules, denied = answers
    assert first == [
        {
            "supplierPricesSet": {
                "supplierPrices": [
                    {"price": {"amount": "7.50"}, "minimum": "10", "leadDays": 3},
                    {"price": {"amount": "7.00"}, "minimum": "100", "leadDays": 3},
                ],
                "userErrors": [],
            }
        },
        [],
    ]
    [[refused, errors], [judged, none]] = values, rules
    assert errors == none == []
    assert refused["supplierPricesSet"]["supplierPrices"] is None
    assert {tuple(error["path"]) for error in refused["supplierPricesSet"]["userErrors"]} == {
        ("input", "lines", "1", "price", "amount"),
        ("input", "lines", "1", "product"),
    }
    assert [(error["code"], error["path"]) for error in judged["supplierPricesSet"]["userErrors"]] == [
        ("NOT_FOUND", ["input", "lines", "2", "product"]),
        ("INVALID_INPUT", ["input", "lines", "1", "minimum"]),
    ]
    assert denied[0] in (None, {"supplierPricesSet": None})
    assert "offers:write" in denied[1][0]
