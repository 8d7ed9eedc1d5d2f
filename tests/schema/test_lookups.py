"""One record by any of its keys, and anything by its id."""

from typing import Any
from uuid import UUID

import pytest

from core import ids
from core.permissions import EVERYTHING
from tests.support.graph import Asker, node_types
from tests.support.oddments import Oddments

KEYS = {
    "product": ("sku", "prod", "products"),
    "partner": ("code", "par", "partners"),
    "order": ("number", "ord", "orders"),
}
NODES = node_types()
NO_ID = (
    "",
    "x",
    "ord",
    "ord_",
    "_" + "0" * 32,
    "ord_" + "0" * 31,
    "ord_" + "0" * 33,
    "ord_" + "G" * 32,
    "ORD" + "0" * 32,
    "ord_" + "A" * 32,
    "ord_" + "٠" * 32,
    "ord_\0",
    "9" * 100_000,
    "ord_-" + "0" * 31,
    " ord_" + "0" * 32 + " ",
)


async def lookup(ask: Asker, tenant: UUID, field: str, by: dict[str, Any], *, breadth_first: bool = True) -> Any:
    query = f"query ($by: {field.capitalize()}Ref!) {{ {field}(by: $by) {{ __typename id {KEYS[field][0]} }} }}"
    return await ask(query, tenant, {"by": by}, breadth_first=breadth_first)


@pytest.mark.parametrize("field", [*KEYS])
async def test_by_id_by_key_and_by_external_id(ask: Asker, oddments: Oddments, field: str) -> None:
    key, prefix, table = KEYS[field]
    for row in oddments[table]:
        identifier = ids.encode(prefix, row["id"])
        keys = {"id": identifier, key: row[key], "externalId": row["external_id"]}
        for name, value in keys.items():
            if value is not None:
                found = (await lookup(ask, oddments.tenant, field, {name: value})).good[field]
                assert found == {"__typename": field.capitalize(), "id": identifier, key: row[key]}


@pytest.mark.parametrize("field", [*KEYS])
async def test_what_is_not_there_is_null(ask: Asker, oddments: Oddments, field: str) -> None:
    key, prefix, table = KEYS[field]
    unknown = {"id": ids.encode(prefix, ids.new_id()), key: oddments[table][0][key].swapcase() + "x", "externalId": ""}
    for name, value in unknown.items():
        for breadth_first in (True, False):
            answer = await lookup(ask, oddments.tenant, field, {name: value}, breadth_first=breadth_first)
            assert answer.good == {field: None}
            # A key that people change is looked for among former ones as well.
            assert len(answer.ran) == (2 if name in ("sku", "code") else 1)


@pytest.mark.parametrize("field", [*KEYS])
async def test_a_key_that_makes_no_sense_is_refused(ask: Asker, oddments: Oddments, field: str) -> None:
    key, prefix, _ = KEYS[field]
    other = ids.encode("wh", ids.new_id())
    wrong = [("id", text) for text in NO_ID] + [("id", other), (key, "a\0"), ("externalId", "\ud800")]
    for name, value in wrong:
        answer = await lookup(ask, oddments.tenant, field, {name: value})
        assert answer.refusal == ([field], ("by", name))
        assert (answer.data, answer.ran) == ({field: None}, [])
    assert prefix != "wh"


@pytest.mark.parametrize("by", [{}, {"id": None}, {"id": "x", "sku": "y"}, {"sku": "x", "externalId": None}, None])
async def test_exactly_one_key(ask: Asker, oddments: Oddments, by: Any) -> None:
    answer = await lookup(ask, oddments.tenant, "product", by)
    assert answer.data is None
    assert answer.errors
    assert answer.ran == []


async def test_keys_are_compared_exactly(ask: Asker, oddments: Oddments) -> None:
    sku = oddments["products"][0]["sku"]
    for close in (sku.lower(), sku + " ", " " + sku, sku[:-1], sku.replace("-", "_")):
        assert close == sku or (await lookup(ask, oddments.tenant, "product", {"sku": close})).good == {"product": None}


@pytest.mark.parametrize("prefix", [*NODES])
async def test_node_finds_every_type(ask: Asker, oddments: Oddments, prefix: str) -> None:
    type_, table = NODES[prefix]
    identifier = ids.encode(prefix, oddments[table][0]["id"])
    query = f"query ($id: ID!) {{ node(id: $id) {{ __typename id ... on {type_} {{ again: id }} }} }}"
    for breadth_first in (True, False):
        answer = await ask(query, oddments.tenant, {"id": identifier}, breadth_first=breadth_first)
        assert answer.good == {"node": {"__typename": type_, "id": identifier, "again": identifier}}
        unknown = await ask(
            query, oddments.tenant, {"id": ids.encode(prefix, ids.new_id())}, breadth_first=breadth_first
        )
        assert unknown.good == {"node": None}


async def test_of_a_node_of_another_type_nothing_is_asked(ask: Asker, oddments: Oddments) -> None:
    identifiers = [ids.encode("prod", oddments["products"][0]["id"]), ids.encode("ord", oddments["orders"][0]["id"])]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { number } } }"
    for breadth_first in (True, False):
        answer = await ask(query, oddments.tenant, {"ids": identifiers}, breadth_first=breadth_first)
        assert answer.good == {"nodes": [{}, {"number": "N-000"}]}


async def test_nodes_keep_their_order_their_doubles_and_their_gaps(ask: Asker, oddments: Oddments) -> None:
    rows = [(prefix, oddments[table][0]["id"]) for prefix, (_, table) in NODES.items()]
    known = [ids.encode(prefix, key) for prefix, key in rows]
    gap = ids.encode("ord", ids.new_id())
    given = [known[3], gap, known[0], known[0], *known[::-1], gap]
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
      ... on Product { sku } ... on Order { number lineItems { nodes { id } } } ... on LineItem { order { number } } } }"""
    types = {prefix: type_ for prefix, (type_, _) in NODES.items()}
    for breadth_first in (True, False):
        found = (await ask(query, oddments.tenant, {"ids": given}, breadth_first=breadth_first)).good["nodes"]
        assert [row and row["id"] for row in found] == [None if each == gap else each for each in given]
        assert all(row is None or row["__typename"] == types[row["id"].partition("_")[0]] for row in found)
        assert found[2] == found[3] == {"__typename": "Product", "id": known[0], "sku": oddments["products"][0]["sku"]}


async def test_an_id_that_is_none_is_refused(ask: Asker, oddments: Oddments) -> None:
    nothing = (*NO_ID, ids.encode("ten", oddments.tenant), "zzz_" + "0" * 32)
    for text in nothing:
        answer = await ask("query ($id: ID!) { node(id: $id) { id } }", oddments.tenant, {"id": text})
        assert answer.refusal == (["node"], ("id",))
        assert (answer.data, answer.ran) == ({"node": None}, [])
        good = ids.encode("ord", ids.new_id())
        answer = await ask("query ($i: [ID!]!) { nodes(ids: $i) { id } }", oddments.tenant, {"i": [good, text]})
        assert answer.refusal == (["nodes"], ("ids", 1))
        assert (answer.data, answer.ran) == (None, [])


async def test_a_hundred_nodes_and_no_more(ask: Asker, oddments: Oddments) -> None:
    given = [ids.encode("prod", ids.new_id()) for _ in range(101)]
    query = "query ($i: [ID!]!) { nodes(ids: $i) { id } }"
    assert (await ask(query, oddments.tenant, {"i": given[:100]})).good == {"nodes": [None] * 100}
    answer = await ask(query, oddments.tenant, {"i": given})
    assert answer.refusal == (["nodes"], ("ids",))
    assert answer.ran == []


async def test_the_viewer_is_the_requests_tenant(ask: Asker, oddments: Oddments) -> None:
    answer = await ask("{ viewer { principal permissions tenant { id name currency timezone } } }", oddments.tenant)
    tenant = {"id": ids.encode("ten", oddments.tenant), "name": "oddments", "currency": "EUR", "timezone": "UTC"}
    assert answer.good == {"viewer": {"principal": "tests", "permissions": sorted(EVERYTHING), "tenant": tenant}}


async def test_values_leave_in_their_final_form(ask: Asker, oddments: Oddments) -> None:
    query = """{ products(first: 250) { nodes { name listPrice { amount currency } createdAt } }
      stockLevels(first: 250) { nodes { onHand reserved available incoming } }
      orders(first: 1, orderBy: { field: NUMBER }) { nodes { subtotal { amount } taxTotal { amount } total { amount }
        note externalId version status placedAt reservationStatus shipmentStatus returnStatus availableActions } } }"""
    found = (await ask(query, oddments.tenant)).good
    prices = [row["listPrice"] and row["listPrice"]["amount"] for row in found["products"]["nodes"]]
    assert {*prices} == {None, "0.00", "1.50", "1.500001", "12.34", "99999999999999.999999"}
    assert {row["listPrice"]["currency"] for row in found["products"]["nodes"] if row["listPrice"]} == {"EUR"}
    assert {row["name"] for row in found["products"]["nodes"]} == {row["name"] for row in oddments["products"]}
    assert min(row["createdAt"] for row in found["products"]["nodes"]) == "2026-03-01T12:00:00Z"
    levels = found["stockLevels"]["nodes"]
    assert {row["onHand"] for row in levels} <= {"0", "0.5", "1", "1.5", "2", "2.5"}
    assert {row["incoming"] for row in levels} == {"0"}
    assert found["orders"]["nodes"] == [
        {
            "subtotal": {"amount": "0.00"},
            "taxTotal": {"amount": "0.00"},
            "total": {"amount": "0.00"},
            "note": "left at the door",
            "externalId": None,
            "version": 1,
            "status": "DRAFT",
            "placedAt": "2026-03-01T12:00:00Z",
            "reservationStatus": "NONE",
            "shipmentStatus": "NONE",
            "returnStatus": "NONE",
            "availableActions": ["UPDATE", "CONFIRM", "CANCEL"],
        }
    ]
