"""As one tenant, no query finds a row of another: by the query's predicate alone, and by the policies alone."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core import ids
from core.modules import MODULES
from db.runtime.connections import Connections
from db.runtime.engine import Database, Target
from db.runtime.reader import Reader
from db.tenancy import set_tenant
from tests.support.graph import Asker, node_types, schema
from tests.support.graph import ask as ask_on
from tests.support.oddments import Oddments

EVERYTHING = """query ($ids: [ID!]!, $products: ProductWhere, $orders: OrderWhere, $partners: PartnerWhere,
    $levels: StockLevelWhere, $moves: StockMoveWhere) {
  nodes(ids: $ids) { id }
  viewer { tenant { id name } }
  webhooks(first: 250) { totalCount { value } nodes { id name deliveries(first: 250) { totalCount { value } nodes { id event { id } } } } }
  allocationPolicy { id rule }
  small: stockHold(reference: "basket 2") { id lines { quantity } }
  large: stockHold(reference: "basket 20") { id reference }
  products(where: $products, first: 250) { totalCount { value } nodes { ...product } }
  productCategories(first: 250) { totalCount { value } nodes { id code tax { id } parent { id } children { nodes { id } } products { nodes { id } } } }
  priced: products(first: 250) { nodes { price { tax { id } price { id } } prices(first: 250) { totalCount { value } nodes { id } } } }
  priceLists(first: 250) { totalCount { value } nodes { id code
    prices(first: 250) { totalCount { value } nodes { id product { id } priceList { id } } } events { nodes { id } } } }
  taxes(first: 250) { totalCount { value } nodes { id code events { nodes { id } } } }
  taxGroups(first: 250) { totalCount { value } nodes { id code events { nodes { id } }
    substitutions { from { id } to { id } } } }
  purchaseOrders(first: 250) { totalCount { value } nodes { id supplier { id } taxes { rate }
    lines { totalCount { value } nodes { id tax { id } } }
    receipts { nodes { id moves { nodes { id purchaseLine { id } } } lines { location { id } purchaseLine { id } } } } } }
  purchaseSettings { version overReceiptPercent }
  replenishmentProposals { rule { id } supplier { id } }
  partners(where: $partners, first: 250) { totalCount { value } nodes { id code orders { nodes { id } }
    supplies { totalCount { value } nodes { id product { id } } }
    events { totalCount { value } nodes { id } } } }
  orders(where: $orders, first: 250) { totalCount { value } nodes { id number reservationStatus customer { id code }
    events { totalCount { value } nodes { id } }
    shipments { totalCount { value } nodes { id number order { id } lines { lineItem { id } location { id } } } }
    lineItems(first: 30) { totalCount { value } nodes { id product { ...product } } } } }
  warehouses(first: 250) { totalCount { value } nodes { id code locations { nodes { id code stockLevels { nodes { id } } } } } }
  stockLevels(where: $levels, first: 250) { totalCount { value } nodes { id product { id } location { id code } } }
  stockMoves(where: $moves, first: 250) { totalCount { value } nodes { id source { id } destination { id } lineItem { id } } }
  lots(first: 250) { totalCount { value } nodes { id product { id } } }
  found: products(search: "a", first: 250) { totalCount { value } nodes { id } }
}
fragment product on Product { id sku units { code } category { id } reorderRules { nodes { id location { id } supplier { id } } } events(first: 9) { totalCount { value } nodes { id } } stock { onHand levels { totalCount { value } nodes { id } } }
  lineItems(first: 3) { totalCount { value } nodes { id order { id number } } } }"""

TABLES = {prefix: table for prefix, (_, table) in node_types(("root", *MODULES)).items()}


Statement = tuple[str, tuple[Any, ...], int]


def texts(value: Any) -> Iterator[str]:
    """Every text in an answer."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def own(data: Oddments) -> set[str]:
    """The ids of all rows of the hand-made tenant, in which ids a stranger may try."""
    return {ids.encode(prefix, row["id"]) for prefix, table in TABLES.items() for row in data[table]}


def is_id(text: str) -> bool:
    return any(text.startswith(f"{prefix}_") and len(text) == len(prefix) + 33 for prefix in (*TABLES, "ten"))


@pytest.fixture(scope="module")
async def unguarded(world: Target) -> AsyncIterator[Any]:
    """A pool of the administrator's connections, which no policy binds."""
    pool = await asyncpg.create_pool(world.admin, min_size=1, max_size=2, server_settings={"timezone": "UTC"})
    yield pool
    await pool.close()


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_whoever_asks_for_everything_gets_only_what_is_theirs(
    ask: Asker, oddments: Oddments, larkspur: UUID, stonebridge: UUID, *, breadth_first: bool
) -> None:
    answers = {}
    for tenant in (oddments.tenant, larkspur, stonebridge):
        answer = await ask(EVERYTHING, tenant, {"ids": []}, breadth_first=breadth_first)
        answers[tenant] = {text for text in texts(answer.good) if is_id(text)}
        assert ids.encode("ten", tenant) in answers[tenant]
    mine = own(oddments) | {ids.encode("ten", oddments.tenant)}
    # All of it: it is met by one way or another.
    assert answers[oddments.tenant] == mine
    assert not answers[larkspur] & answers[stonebridge]
    assert not (answers[larkspur] | answers[stonebridge]) & mine


async def test_another_tenants_ids_find_nothing(ask: Asker, oddments: Oddments, stonebridge: UUID) -> None:
    foreign = sorted(own(oddments))
    for start in range(0, len(foreign), 100):
        part = foreign[start : start + 100]
        answer = await ask("query ($i: [ID!]!) { nodes(ids: $i) { __typename } }", stonebridge, {"i": part})
        assert answer.good == {"nodes": [None] * len(part)}
    for prefix, table in TABLES.items():
        for row in oddments[table][:3]:
            identifier = ids.encode(prefix, row["id"])
            answer = await ask("query ($i: ID!) { node(id: $i) { id } }", stonebridge, {"i": identifier})
            assert answer.good == {"node": None}
    tenant = ids.encode("ten", oddments.tenant)
    assert (await ask("query ($i: ID!) { node(id: $i) { id } }", stonebridge, {"i": tenant})).refusal == (
        ["node"],
        ("id",),
    )


async def test_another_tenants_keys_find_nothing(ask: Asker, oddments: Oddments, stonebridge: UUID) -> None:
    keys = {
        "product": ("ProductRef", "prod", "products", "sku"),
        "partner": ("PartnerRef", "par", "partners", "code"),
        "order": ("OrderRef", "ord", "orders", "number"),
    }
    for field, (type_, prefix, table, key) in keys.items():
        [row] = [row for row in oddments[table] if row["external_id"]][:1] or oddments[table][:1]
        tries = [{"id": ids.encode(prefix, row["id"])}, {key: row[key]}, {"externalId": row["external_id"] or "?"}]
        for by in tries:
            answer = await ask(f"query ($by: {type_}!) {{ {field}(by: $by) {{ id }} }}", stonebridge, {"by": by})
            assert answer.good == {field: None}


async def test_another_tenants_ids_in_filters_find_nothing(ask: Asker, oddments: Oddments, stonebridge: UUID) -> None:
    product = [ids.encode("prod", row["id"]) for row in oddments["products"]]
    place = [ids.encode("loc", row["id"]) for row in oddments["locations"]]
    partner = [ids.encode("par", row["id"]) for row in oddments["partners"]]
    found = (
        await ask(
            EVERYTHING,
            stonebridge,
            {
                "ids": product,
                "products": {"id": {"in": product}},
                "partners": {"id": {"in": partner}},
                "orders": {
                    "or": [{"customer": {"in": partner}}, {"lineItems": {"some": {"product": {"in": product}}}}]
                },
                "levels": {"or": [{"product": {"in": product}}, {"location": {"in": place}}]},
                "moves": {
                    "or": [{"product": {"in": product}}, {"source": {"in": place}}, {"destination": {"in": place}}]
                },
            },
        )
    ).good
    assert found["nodes"] == [None] * len(product)
    for field in ("products", "partners", "orders", "stockLevels", "stockMoves"):
        assert found[field] == {"totalCount": {"value": 0}, "nodes": []}


class Recording(Reader):
    """A reader that remembers each statement with its values."""

    calls: list[tuple[str, tuple[Any, ...]]]

    async def fetch(self, sql: str, *values: Any, row: type | None = None, one_plan: bool = False) -> list[Any]:
        self.calls.append((sql, values))
        return await super().fetch(sql, *values, row=row, one_plan=one_plan)


@pytest.fixture(scope="module")
async def statements(ask: Asker, oddments: Oddments) -> list[Statement]:
    """Every statement that answers EVERYTHING for the hand-made tenant, with its values and how many rows it found."""
    given = {
        "ids": sorted(own(oddments))[::4],
        "products": {"available": {"gte": "0"}},
        "orders": {"lineItems": {"every": {"sku": {"ne": "x"}}}},
    }
    async with Recording(ask.database._reading, oddments.tenant, 1) as reader:
        reader.calls = []
        assert (await ask_on(schema(), reader, EVERYTHING, given)).good
        return [(sql, values, ran.rows) for (sql, values), ran in zip(reader.calls, reader.ran, strict=True)]


async def test_the_policies_alone_keep_tenants_apart(
    ask: Asker, oddments: Oddments, stonebridge: UUID, statements: list[Statement]
) -> None:
    """The very statements that ask for one tenant's rows, on a connection bound to another, to none, to nonsense."""
    assert len(statements) > 25
    found = sum(rows for _, _, rows in statements)
    async with ask.database._reading.acquire() as connection:
        for bind in (set_tenant(stonebridge), "SELECT 1", "SET LOCAL app.tenant_id = ''"):
            async with connection.transaction():
                await connection.execute(bind)
                for sql, given, _ in statements:
                    for row in await connection.fetch(sql, *given):
                        # Sums and counts have a row per key that was asked for, with nothing in it.
                        assert not {*row.keys()} & {"id", "sku", "code", "number"}, sql
                        assert {str(value) for name, value in row.items() if name != "key"} == {"0"}, sql
        async with connection.transaction():
            await connection.execute(set_tenant(oddments.tenant))
            assert sum([len(await connection.fetch(sql, *given)) for sql, given, _ in statements]) == found


async def test_the_predicate_alone_keeps_tenants_apart(
    ask: Asker, unguarded: Any, oddments: Oddments, larkspur: UUID, stonebridge: UUID
) -> None:
    """For the administrator, whom no policy binds, the answers are the same."""
    async with unguarded.acquire() as connection:
        seen = await connection.fetch("SELECT DISTINCT tenant_id FROM orders")
    every = {oddments.tenant, larkspur, stonebridge}
    assert every <= {row["tenant_id"] for row in seen}
    for tenant in every:
        guarded = await ask(EVERYTHING, tenant, {"ids": sorted(own(oddments))[:100]})
        async with Reader(Connections(unguarded), tenant, 1) as reader:
            open_ = await ask_on(schema(), reader, EVERYTHING, {"ids": sorted(own(oddments))[:100]})
        assert json.dumps(open_.good) == json.dumps(guarded.good)


async def test_every_statement_names_the_tenant_in_each_of_its_selects(
    statements: list[Statement], oddments: Oddments
) -> None:
    for sql, given, _ in statements:
        tables = sum(
            sql.count(f"FROM {table}") + sql.count(f"JOIN {table}")
            for table in (
                *TABLES.values(),
                "shipment_lines",
                "stock_hold_lines",
                "receipt_lines",
                "purchase_return_lines",
                "purchase_settings",
                "tax_substitutions",
            )
        )
        assert sql.count(".tenant_id = $") == tables or "FROM tenants" in sql, sql
        assert oddments.tenant in given or "FROM tenants" in sql, sql


async def test_no_tenant_sees_nothing(ask: Asker) -> None:
    async with ask.database._reading.acquire() as connection:
        for table in (*TABLES.values(), "reservations", "tenants", "api_keys"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    nobody = ids.new_id()
    answer = await ask("{ products { nodes { id } totalCount { value } } warehouses { nodes { id } } }", nobody)
    assert answer.good == {"products": {"nodes": [], "totalCount": {"value": 0}}, "warehouses": {"nodes": []}}


async def test_a_pooled_connection_forgets_its_tenant(world: Target, oddments: Oddments) -> None:
    database = Database(world, size=1)
    await database.open()
    try:
        asker = Asker(database)
        assert (await asker("{ products { nodes { id } } }", oddments.tenant)).good["products"]["nodes"]
        async with database._reading.acquire() as connection:
            assert await connection.fetchval("SELECT current_setting('app.tenant_id', true)") in {None, ""}
            assert await connection.fetchval("SELECT count(*) FROM products") == 0
    finally:
        await database.close()
