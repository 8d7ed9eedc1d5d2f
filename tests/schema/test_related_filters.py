"""Filters by what a row refers to, and by what refers to it: their permissions, their price, and what partners learn.

That they find what they mean is in ``test_filters.py``, with all others.
"""

from typing import Any

import pytest

from core.errors import Forbidden
from core.permissions import EVERYTHING, ROLES
from loaders.kit import filter_prices
from loaders.partners import partners
from loaders.sales import orders
from tests.support.graph import Asker
from tests.support.oddments import Oddments

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])


@EXECUTORS
@pytest.mark.parametrize(
    "field, where, missing",
    [
        ("orders", 'customerWhere: {country: {eq: "DE"}}', "partners:read"),
        ("orders", 'or: [{not: {customerWhere: {country: {eq: "DE"}}}}]', "partners:read"),
        ("orders", 'lineItems: {some: {productWhere: {sku: {eq: "A"}}}}', "catalog:read"),
        ("products", 'lineItems: {none: {quantity: {gt: "1"}}}', "orders:read"),
        ("products", 'lineItems: {some: {orderWhere: {customerWhere: {name: {eq: "A"}}}}}', "partners:read"),
        ("partners", "orders: {every: {status: {eq: CLOSED}}}", "orders:read"),
        ("partners", 'orders: {some: {lineItems: {some: {sku: {eq: "A"}}}}}', "catalog:read"),
    ],
)
async def test_a_filter_needs_what_it_tells_of(
    ask: Asker, oddments: Oddments, field: str, where: str, missing: str, *, breadth_first: bool
) -> None:
    query = f"{{ {field}(where: {{{where}}}) {{ nodes {{ id }} totalCount {{ value }} }} }}"
    refused = await ask(query, oddments.tenant, permissions=EVERYTHING - {missing}, breadth_first=breadth_first)
    [error] = refused.errors
    assert isinstance(error.original_error, Forbidden)
    assert missing in error.message
    assert (refused.data, refused.ran) == (None, [])
    assert not (await ask(query, oddments.tenant, breadth_first=breadth_first)).errors


@pytest.mark.parametrize("locks", ["both", "predicate"])
@pytest.mark.parametrize(
    "where, found",
    [
        ({"lineItems": {"some": {"quantity": {"gt": "0"}}}}, "ordered"),
        ({"lineItems": {"some": {}}}, "ordered"),
        ({"lineItems": {"none": {}}}, "not ordered"),
        ({"lineItems": {"every": {"quantity": {"lt": "0"}}}}, "not ordered"),
        ({"not": {"lineItems": {"none": {"orderWhere": {"currency": {"eq": "EUR"}}}}}}, "ordered"),
        ({"lineItems": {"some": {"productWhere": {"lineItems": {"some": {}}}}}}, "ordered"),
        ({"lineItems": {"some": {"orderWhere": {"customerWhere": {"orders": {"some": {}}}}}}}, "ordered"),
    ],
)
async def test_a_partner_learns_nothing_of_others_by_filters(
    ask: Asker, oddments: Oddments, monkeypatch: pytest.MonkeyPatch, locks: str, where: dict[str, Any], found: str
) -> None:
    """A product's lines are those of the partner's own orders, in a filter as everywhere."""
    partner = oddments["partners"][1]["id"]
    orders = {row["id"] for row in oddments["orders"] if row["customer_id"] == partner}
    ordered = {row["product_id"] for row in oddments["line_items"] if row["order_id"] in orders}
    every = {row["id"] for row in oddments["products"]}
    anybodys = {row["product_id"] for row in oddments["line_items"]}
    assert ordered < anybodys < every
    if locks == "predicate":
        monkeypatch.setattr("db.runtime.reader.set_partner", lambda _partner: "SELECT 1")
    answer = await ask(
        "query ($where: ProductWhere) { products(first: 250, where: $where) { nodes { id } } }",
        oddments.tenant,
        {"where": where},
        partner=partner,
        permissions=frozenset(ROLES["partner"]),
    )
    wanted = ordered if found == "ordered" else every - ordered
    assert {row["id"].partition("_")[2] for row in answer.good["products"]["nodes"]} == {each.hex for each in wanted}


async def test_a_condition_without_a_comparison_is_none(ask: Asker, oddments: Oddments) -> None:
    """It is as if it had been left out; among alternatives it would let all through, and is refused."""
    query = "query ($where: OrderWhere) { orders(where: $where) { totalCount { value } } }"
    everything = (await ask(query, oddments.tenant)).good
    empties: tuple[Any, ...] = ({}, {"name": None}, {"and": [{}]}, {"orders": None})
    for empty in empties:
        assert (await ask(query, oddments.tenant, {"where": {"customerWhere": empty}})).good == everything
        answer = await ask(query, oddments.tenant, {"where": {"or": [{"customerWhere": empty}]}})
        assert answer.refusal == (["orders"], ("where", "or", 0))


async def test_what_is_wrong_is_found_through_relations(ask: Asker, oddments: Oddments) -> None:
    query = "query ($where: OrderWhere) { orders(where: $where) { totalCount { value } } }"
    where = {"lineItems": {"some": {"productWhere": {"id": {"in": ["prod_" + "0" * 32, "ord_" + "0" * 32]}}}}}
    answer = await ask(query, oddments.tenant, {"where": where})
    assert answer.refusal == (
        ["orders"],
        ("where", "lineItems", "some", "productWhere", "id", "in", 1),
    )
    deep: dict[str, Any] = {"currency": {"eq": "EUR"}}
    for _ in range(5):
        deep = {"customerWhere": {"orders": {"some": deep}}}
    answer = await ask(query, oddments.tenant, {"where": deep})
    assert answer.errors[0].original_error is not None
    assert "10 levels" in answer.errors[0].message


def test_each_subquery_has_a_price() -> None:
    named: dict[str, Any] = {"customerWhere": {"name": {"eq": "x"}}}
    bought: dict[str, Any] = {"orders": {"some": {"lineItems": {"none": {}}}}}
    assert filter_prices.price(named, orders.filters) == filter_prices.RELATED_PRICE + 3
    assert filter_prices.price(bought, partners.filters) == 2 * filter_prices.RELATED_PRICE + 4
