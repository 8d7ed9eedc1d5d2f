"""A person erased: found nowhere any more, while documents, stock and others stay as they were."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from core.errors import BadInput
from db.base import BY_TRIGGER, PERSONAL
from db.models import metadata
from services.platform import forgetting, keys
from tests.schema.writing.conftest import desk, written
from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

__all__ = ["desk", "written"]

IMPERSONAL = {
    "products": "what is sold",
    "product_categories": "what is sold, and how it is valued",
    "price_lists": "what is sold, and at what price",
    "prices": "numbers",
    "purchase_settings": "numbers",
    "taxes": "what is sold, and how it is taxed",
    "tax_groups": "kinds of partners",
    "tax_substitutions": "numbers",
    "warehouses": "the tenant's own places",
    "locations": "the tenant's own places",
    "number_series": "names of series",
    "tenants": "the company itself",
    "stock_levels": "numbers",
    "budgets": "credentials, by their ids",
    "reservations": "numbers",
    "stock_hold_lines": "numbers",
    "shipment_lines": "numbers",
    "commits": "ids",
    "sales_folds": "a place in the log",
    "sales_spans": "stretches of time",
    "sales_cells": "numbers",
    "allocation_policies": "a choice",
    "webhook_turns": "ids",
    "relay_cursors": "kinds of brokers, and ids",
}
"""Tables without a word about persons."""

ELSEWHERE = {
    "partners": {"kinds", "country"},
    "orders": {"number", "status", "currency", "external_id", "allocation"},
    "line_items": {"currency", "unit"},
    "lots": {"code"},
    "shipments": {"number", "status", "carrier"},
    "product_suppliers": {"supplier_sku", "unit", "currency"},
    "purchase_orders": {"number", "status", "currency", "external_id"},
    "purchase_lines": {"unit", "currency"},
    "receipts": {"number", "reference", "principal"},
    "stock_moves": {"reason", "principal"},
    "stock_holds": {"status"},
    "events": {"type", "principal"},
    "idempotency_keys": {"command", "digest"},
    "key_aliases": {"kind"},
    "imports": {"kind", "file", "digest", "mapping", "counts"},  # what a file is called, and how it is read
    "import_records": {"type", "key"},  # what a file calls its lines
    "api_keys": {"hint", "hash", "roles"},
    "webhooks": {"name", "url", "document", "variables", "roles", "status", "reason"},  # of programs, not of persons
    "webhook_deliveries": {"message_id", "status", "failure"},
}
"""Columns of other tables that have none: keys of documents, choices, and whoever of the tenant did something."""


def test_each_column_with_words_says_whether_they_may_be_a_persons() -> None:
    """A new table that has some fails here: declare the columns by ``db.base.personal``, or say here that they have none."""
    found: dict[str, set[str]] = {}
    for table in metadata.sorted_tables:
        for column in table.c:
            type_ = column.type.item_type if isinstance(column.type, ARRAY) else column.type
            has_words = isinstance(type_, (String, JSONB, LargeBinary))
            known = PERSONAL in column.info or column.info == BY_TRIGGER or isinstance(type_, TSVECTOR)
            if has_words and not known and table.name not in IMPERSONAL:
                found.setdefault(table.name, set()).add(column.name)
    assert found == ELSEWHERE


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    clerk = await desk.open()
    yield clerk
    assert await clerk.differences() == []


CANARY = "Quokka"
PARTY = {"name": f"{CANARY} Lane", "street": f"{CANARY} Street 1", "city": f"{CANARY}ville", "country": "DE"}


async def told(shop: Clerk) -> dict[str, int]:
    """In how many rows of each table the person's word is."""
    found = {}
    for table in metadata.sorted_tables:
        key = "id" if table.name == "tenants" else "tenant_id"
        sql = f"SELECT count(*) FROM {table.name} t WHERE {key} = $1 AND t::text ILIKE '%' || $2 || '%'"
        if count := await shop.admin.fetchval(sql, shop.tenant, CANARY):
            found[table.name] = count
    return found


async def furnish(shop: Clerk) -> Any:
    """A person in every place that takes their words; an order of theirs."""
    home = {"code": "home", "roles": ["SHIPPING", "BILLING"], "party": PARTY}
    given = {
        "code": f"{CANARY}-1",
        "name": f"Ada {CANARY}",
        "email": f"{CANARY}@example.com",
        "externalId": f"{CANARY}-X",
    }
    made = await shop.do(
        "partnerUpsert", given | {"addresses": [home], "idempotencyKey": f"{CANARY}@example.com signs up"}
    )
    await shop.do("partnerUpsert", {"code": f"{CANARY}-1", "name": f"Ida {CANARY}"})
    await shop.do("rename", {"id": made["id"], "key": f"{CANARY}-2"})
    product = await shop.product({"SHELF": "9"})
    line = shop.line(product, quantity="2", description=f"With an engraving for {CANARY}")
    order = await shop.do(
        "orderCreate",
        {
            "customer": {"code": f"{CANARY}-2"},
            "lineItems": [line],
            "note": f"{CANARY} rings twice",
            "billingAddress": {"party": PARTY},
            "confirm": True,
        },
    )
    await shop.do("orderUpdate", {"order": {"id": order["id"]}, "note": f"{CANARY} rings thrice"})
    kept = [shop.line(product, quantity="1")]
    await shop.do("stockHold", {"reference": f"{CANARY}@example.com's basket", "lines": kept})
    draft = await shop.do("orderCreate", {"customer": {"code": f"{CANARY}-2"}, "lineItems": [line]})
    await shop.do("orderCancel", {"order": {"id": draft["id"]}, "reason": f"{CANARY} called"})
    await shop.do("partnerUpsert", {"code": f"{CANARY}-2", "kinds": ["SUPPLIER"]})
    refused = shop.ordering([line], customer={"code": f"{CANARY}-2"}, idempotencyKey="refused")
    await shop.refused("orderCreate", refused)
    return order


async def test_a_person_is_found_nowhere_and_the_documents_stand(desk: Desk, shop: Clerk) -> None:
    order = await furnish(shop)
    other = await shop.order((await shop.product({"SHELF": "1"}), "1"), note="Ring once", confirm=True)
    await keys.create(desk.target, shop.tenant, f"phone of {CANARY}", roles=("partner",), partner=f"{CANARY}-2")
    assert {*await told(shop)} >= {
        *("partners", "orders", "line_items", "events", "idempotency_keys", "key_aliases", "api_keys", "stock_holds")
    }
    before = await shop.again(order)
    changed = await forgetting.erase(desk.target, shop.tenant, f"{CANARY}-1")  # by a former key
    assert await told(shop) == {}
    assert changed["orders"] == 2
    after = await shop.again(order)
    assert after["note"] == "erased"
    assert (
        lines(after)[0]["description"] == lines(after)[0]["product"]["sku"] or lines(after)[0]["description"] == "Thing"
    )
    for name in ("number", "total", "subtotal", "status", "placedAt", "version"):
        assert after[name] == before[name]
    query = "query ($id: ID!) { order(by: {id: $id}) { customer { name code email } billingAddress { name city country } } }"
    found = (await shop.ask(query, {"id": order["id"]})).data["order"]
    assert (found["customer"]["name"], found["customer"]["email"]) == ("erased", None)
    assert found["customer"]["code"].startswith("erased-")
    assert found["billingAddress"] == {"name": "erased", "city": None, "country": "DE"}
    assert (await shop.again(other))["note"] == "Ring once"
    events = await shop.events(order)
    assert [each["version"] for each in events] == list(range(1, len(events) + 1))
    assert (await shop.events())[-1]["type"] == "partner.erased"
    revoked = "SELECT count(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NOT NULL"
    assert await shop.admin.fetchval(revoked, shop.tenant) == 1
    assert (await shop.do("orderShip", {"order": {"id": order["id"]}}))["status"] == "CLOSED"


FOLLOW = """query ($after: String) { changes(after: $after) { cursor reload changes { kind id node {
    ... on Partner { name } ... on Order { note } ... on Shipment { note } } } } }"""


async def test_a_copy_loses_what_is_erased(desk: Desk, shop: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower kept the person's name, address and notes for ever: the feed said nothing of it."""
    order = await furnish(shop)
    shipped = {"order": {"id": order["id"]}, "note": f"{CANARY} waits at the door"}
    await shop.do("orderShip", shipped)
    other = await shop.order((await shop.product({"SHELF": "1"}), "1"), note="Ring once", confirm=True)
    places = (await shop.ask("{ changes { cursor } eventFeed { cursor } }")).data
    await forgetting.erase(desk.target, shop.tenant, f"{CANARY}-2")
    found = (await shop.ask(FOLLOW, {"after": places["changes"]["cursor"]})).data["changes"]
    assert sorted(each["kind"] for each in found["changes"]) == ["ORDER", "ORDER", "PARTNER", "SHIPMENT"]
    assert {each["node"].get("name", each["node"].get("note")) for each in found["changes"]} <= {"erased", None}
    assert other["id"] not in {each["id"] for each in found["changes"]}
    assert found["reload"] == []
    happened = "query ($after: String) { eventFeed(after: $after) { events { type } } }"
    feed = await shop.ask(happened, {"after": places["eventFeed"]["cursor"]})
    assert feed.data["eventFeed"]["events"] == [{"type": "partner.erased"}]
    monkeypatch.setattr(forgetting, "MOST_NAMED", 1)
    again = await shop.admin.fetchval("SELECT code FROM partners WHERE tenant_id = $1 AND name = 'erased'", shop.tenant)
    await forgetting.erase(desk.target, shop.tenant, again)
    more = (await shop.ask(FOLLOW, {"after": found["cursor"]})).data["changes"]
    assert more["reload"] == ["ORDER"]
    assert sorted(each["kind"] for each in more["changes"]) == ["PARTNER", "SHIPMENT"]


async def test_who_isnt_there_isnt_erased(desk: Desk, shop: Clerk) -> None:
    before = await shop.digest()
    with pytest.raises(BadInput, match="There is no partner with the code 'nobody'"):
        await forgetting.erase(desk.target, shop.tenant, "nobody")
    assert await shop.digest() == before
