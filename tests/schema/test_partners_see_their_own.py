"""A business partner's key sees that partner's orders and the catalog: by predicate, by policy, and by each alone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core import ids
from core.permissions import ROLES
from db.runtime.connections import Connections
from db.runtime.engine import Database, Target
from db.tenancy import set_partner, set_tenant
from loaders import partners as partner_loaders
from loaders import sales as sales_loaders
from loaders.kit.statements import _statements
from tests.support.graph import Asker

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])

EVERYTHING_THERE = """{
    orders(first: 250) {
        totalCount { value }
        nodes { id number customer { id } total { amount } shipmentStatus availableActions lineItems { nodes { id } } }
    }
    partners(first: 250) { totalCount { value } nodes { id code orders(first: 250) { nodes { id } } } }
    products(first: 50) { nodes { id lineItems(first: 250) { totalCount { value } nodes { id order { id } } } } }
}"""


@pytest.fixture(scope="module")
async def customer(ask: Asker, larkspur: UUID) -> tuple[UUID, set[str], set[str]]:
    """A customer of several orders: its id, and the ids of its orders and lines."""
    query = "{ partners(first: 250) { nodes { id orders(first: 250) { nodes { id lineItems { nodes { id } } } } } } }"
    found = (await ask(query, larkspur)).good["partners"]["nodes"]
    one = max(found, key=lambda each: len(each["orders"]["nodes"]))
    orders = one["orders"]["nodes"]
    lines = {line["id"] for order in orders for line in order["lineItems"]["nodes"]}
    return ids.decode("par", one["id"]), {order["id"] for order in orders}, lines


def seen(data: dict[str, Any]) -> tuple[set[str], set[str], set[str]]:
    """The ids of the orders, lines and partners that an answer shows, wherever it shows them."""
    orders = {order["id"] for order in data["orders"]["nodes"]}
    partners = {order["customer"]["id"] for order in data["orders"]["nodes"]}
    lines = {line["id"] for order in data["orders"]["nodes"] for line in order["lineItems"]["nodes"]}
    for partner in data["partners"]["nodes"]:
        partners.add(partner["id"])
        orders |= {order["id"] for order in partner["orders"]["nodes"]}
    for product in data["products"]["nodes"]:
        assert product["lineItems"]["totalCount"]["value"] == len(product["lineItems"]["nodes"])
        lines |= {line["id"] for line in product["lineItems"]["nodes"]}
        orders |= {line["order"]["id"] for line in product["lineItems"]["nodes"]}
    return orders, lines, partners


@EXECUTORS
async def test_it_sees_its_own_and_nothing_else(
    ask: Asker, larkspur: UUID, customer: tuple[UUID, set[str], set[str]], *, breadth_first: bool
) -> None:
    partner, orders, lines = customer
    may = ROLES["partner"]
    answer = await ask(EVERYTHING_THERE, larkspur, breadth_first=breadth_first, permissions=may, partner=partner)
    assert seen(answer.good) == (orders, lines, {ids.encode("par", partner)})
    assert answer.data["orders"]["totalCount"]["value"] == len(orders) > 1
    assert answer.data["partners"]["totalCount"]["value"] == 1
    assert len(answer.data["products"]["nodes"]) == 40


async def test_what_is_others_is_as_if_it_were_not_there(
    ask: Asker, larkspur: UUID, customer: tuple[UUID, set[str], set[str]]
) -> None:
    partner, own, _ = customer
    everything = (await ask("{ orders(first: 250) { nodes { id number total { amount } } } }", larkspur)).good
    other = next(order for order in everything["orders"]["nodes"] if order["id"] not in own)
    for query in (
        '{ node(id: "%(id)s") { id } }',
        '{ order(by: {id: "%(id)s"}) { id } }',
        '{ order(by: {number: "%(number)s"}) { id } }',
        '{ orders(where: {number: {eq: "%(number)s"}}) { totalCount { value exact } nodes { id } } }',
        '{ orders(search: "%(number)s") { nodes { id } } }',
    ):
        theirs = await ask(query % other, larkspur, permissions=ROLES["partner"], partner=partner)
        nobodys = {"id": "ord_00000000000070008000000000000000", "number": "SO-2026-999999"}
        assert theirs.good == (await ask(query % nobodys, larkspur, permissions=ROLES["partner"], partner=partner)).good


@pytest.fixture
def no_predicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loaders without their conditions on a partner's rows."""
    _statements.clear()
    for entity in (sales_loaders.orders, sales_loaders.lines, partner_loaders.partners):
        changed = replace(entity, own=None)
        object.__setattr__(changed, "row", entity.row)
        for loader in (*vars(sales_loaders).values(), *vars(partner_loaders).values()):
            if isinstance(loader, type) and getattr(loader, "entity", None) is entity:
                monkeypatch.setattr(loader, "entity", changed)


async def test_the_policy_alone_holds(
    no_predicate: None, ask: Asker, larkspur: UUID, customer: tuple[UUID, set[str], set[str]]
) -> None:
    partner, orders, lines = customer
    answer = await ask(EVERYTHING_THERE, larkspur, permissions=ROLES["partner"], partner=partner)
    _statements.clear()
    assert seen(answer.good) == (orders, lines, {ids.encode("par", partner)})
    assert answer.data["orders"]["totalCount"]["value"] == len(orders)


@pytest.fixture
async def unguarded(world: Target, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asker]:
    """A database whose connections bypass row-level security, as an administrator's do, and stay so."""
    monkeypatch.setattr("db.runtime.reader.set_partner", lambda _partner: "SELECT 1")
    database = Database(world)
    await database.open()
    await database._reading.close()
    database._reading = Connections(
        await asyncpg.create_pool(world.admin, min_size=1, max_size=2, server_settings={"timezone": "UTC"})
    )
    yield Asker(database)
    await database.close()


async def test_the_predicate_alone_holds(
    unguarded: Asker, larkspur: UUID, customer: tuple[UUID, set[str], set[str]]
) -> None:
    partner, orders, lines = customer
    answer = await unguarded(EVERYTHING_THERE, larkspur, permissions=ROLES["partner"], partner=partner)
    assert seen(answer.good) == (orders, lines, {ids.encode("par", partner)})


async def test_raw_sql_as_a_partner_reads_its_own_and_writes_nothing(
    world: Target, larkspur: UUID, customer: tuple[UUID, set[str], set[str]]
) -> None:
    partner, orders, lines = customer
    connection = await asyncpg.connect(world.serving, server_settings=world.settings())
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"{set_tenant(larkspur)};{set_partner(partner)}")
        assert {ids.encode("ord", row[0]) for row in await connection.fetch("SELECT id FROM orders")} == orders
        assert {ids.encode("lin", row[0]) for row in await connection.fetch("SELECT id FROM line_items")} == lines
        assert [row[0] for row in await connection.fetch("SELECT id FROM partners")] == [partner]
        for statement in (
            *(
                f"SELECT 1 FROM {table}"
                for table in ("stock_levels", "stock_moves", "events", "api_keys", "reservations")
            ),
            "UPDATE orders SET note = 'mine'",
            "DELETE FROM line_items",
            "INSERT INTO orders (tenant_id, id) VALUES (gen_random_uuid(), gen_random_uuid())",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(statement)
        await transaction.rollback()
    finally:
        await connection.close()
