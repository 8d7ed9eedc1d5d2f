"""Filters: each operator by itself, the corners of lists, nulls and text, and what is refused, with its path."""

from typing import Any

import pytest

from core import ids
from tests.support.graph import Answer, Asker
from tests.support.oddments import NAMES, Oddments

BY = {"products": "sku", "orders": "number", "partners": "code"}


async def asked(ask: Asker, data: Oddments, where: Any, field: str = "products") -> Answer:
    type_ = f"{field[:-1].capitalize()}Where"
    query = f"query ($where: {type_}) {{ {field}(first: 250, where: $where) {{ nodes {{ {BY[field]} }} }} }}"
    return await ask(query, data.tenant, {"where": where})


async def found(ask: Asker, data: Oddments, where: Any, field: str = "products") -> list[str]:
    answer = await asked(ask, data, where, field)
    return sorted(row[BY[field]] for row in answer.good[field]["nodes"])


async def names(ask: Asker, data: Oddments, comparison: dict[str, Any]) -> set[str]:
    query = "query ($where: ProductWhere) { products(first: 250, where: $where) { nodes { name } } }"
    answer = await ask(query, data.tenant, {"where": {"name": comparison}})
    return {row["name"] for row in answer.good["products"]["nodes"]}


@pytest.mark.parametrize(
    "comparison, expected",
    [
        ({"eq": "Lamp"}, {"Lamp"}),
        ({"ne": "Lamp"}, {*NAMES} - {"Lamp"}),
        ({"in": ["lamp", "日本語", "nothing"]}, {"lamp", "日本語"}),
        ({"in": []}, set()),
        ({"notIn": ["lamp", "日本語"]}, {*NAMES} - {"lamp", "日本語"}),
        ({"notIn": []}, {*NAMES}),
        ({"contains": "LAMP"}, {"Lamp", "lamp", "LAMP shade"}),
        ({"contains": "%"}, {"100% wool"}),
        ({"contains": "_"}, {"a_b"}),
        ({"contains": "\\"}, {"back\\slash"}),
        ({"contains": "\\s"}, {"back\\slash"}),
        ({"contains": "'"}, {"'quoted' \"twice\""}),
        ({"contains": "\t"}, {"tab\there"}),
        ({"contains": "😀"}, {"😀 smile"}),
        ({"contains": "本"}, {"日本語"}),
        ({"contains": "עולם"}, {"שלום עולם"}),
        ({"startsWith": "A"}, {"a_b", "aXb"}),
        ({"startsWith": "100 "}, {"100 wool"}),
        ({"startsWith": "%"}, set()),
        ({"isNull": True}, set()),
        ({"isNull": False}, {*NAMES}),
        ({}, {*NAMES}),
        ({"eq": "Lamp", "ne": "Lamp"}, set()),
    ],
)
async def test_text(ask: Asker, oddments: Oddments, comparison: dict[str, Any], expected: set[str]) -> None:
    assert await names(ask, oddments, comparison) == expected


async def test_case_is_ignored_in_every_script(ask: Asker, oddments: Oddments) -> None:
    assert await names(ask, oddments, {"contains": "ÄRGER"}) == {"Ärger", "ärger"}
    assert await names(ask, oddments, {"startsWith": "é"}) == {"ÉCLAIR"}


async def test_conditions_that_say_nothing_and_conditions_that_nothing_fulfils(ask: Asker, oddments: Oddments) -> None:
    every = sorted(row["sku"] for row in oddments["products"])
    nothing_said: list[Any] = [
        None,
        {},
        {"and": []},
        {"and": None},
        {"or": None},
        {"not": None},
        {"sku": None},
        {"sku": {}},
    ]
    for where in nothing_said:
        assert await found(ask, oddments, where) == every, where
    for where in ({"or": []}, {"not": {}}, {"and": [{"or": []}, {}]}, {"sku": {"in": []}}, {"id": {"in": []}}):
        assert await found(ask, oddments, where) == [], where


async def test_some_every_and_none_of_orders_without_lines(ask: Asker, oddments: Oddments) -> None:
    """Every line of an order without lines fulfils everything, and none does."""
    without = [row["number"] for index, row in enumerate(oddments["orders"]) if index % 4 == 0]
    nothing = {"sku": {"eq": "nowhere"}}
    assert await found(ask, oddments, {"lineItems": {"every": nothing}}, "orders") == without
    assert await found(ask, oddments, {"lineItems": {"none": {}}}, "orders") == without
    assert await found(ask, oddments, {"lineItems": {"some": nothing}}, "orders") == []
    assert len(await found(ask, oddments, {"lineItems": {"some": {}}}, "orders")) == 12
    all_orders: list[Any] = [{"some": None}, {}, {"every": {}}, {"none": nothing}]
    for quantifiers in all_orders:
        assert len(await found(ask, oddments, {"lineItems": quantifiers}, "orders")) == 16


@pytest.mark.parametrize(
    "where, path",
    [
        ({"sku": {"eq": None}}, ("sku", "eq")),
        ({"sku": {"in": None}}, ("sku", "in")),
        ({"sku": {"isNull": None}}, ("sku", "isNull")),
        ({"active": {"eq": None}}, ("active", "eq")),
        ({"listPrice": {"gt": None}}, ("listPrice", "gt")),
        ({"createdAt": {"lte": None}}, ("createdAt", "lte")),
        ({"sku": {"eq": "a\0b"}}, ("sku", "eq")),
        ({"name": {"contains": "\0"}}, ("name", "contains")),
        ({"name": {"in": ["a", "\0"]}}, ("name", "in", 1)),
        ({"name": {"eq": "\ud800"}}, ("name", "eq")),
        ({"id": {"eq": "nonsense"}}, ("id", "eq")),
        ({"id": {"eq": ids.encode("ord", ids.new_id())}}, ("id", "eq")),
        ({"id": {"in": [ids.encode("prod", ids.new_id()), "prod_"]}}, ("id", "in", 1)),
        ({"not": {"or": [{"sku": {"eq": "a"}}, {"id": {"ne": ""}}]}}, ("not", "or", 1, "id", "ne")),
        # G4: what can't be applied doesn't widen a list.
        ({"sku": {"contains": ""}}, ("sku", "contains")),
        ({"name": {"startsWith": ""}}, ("name", "startsWith")),
        ({"or": [{}]}, ("or", 0)),
        ({"or": [{"sku": {"eq": "a"}}, {"name": None}]}, ("or", 1)),
        ({"or": [{"sku": {"eq": "a"}}, {"and": [{"name": {}}, {}]}]}, ("or", 1)),
        ({"sku": {"in": ["x"] * 501}}, ("sku", "in")),
        ({"and": [{"sku": {"notIn": ["x"] * 501}}]}, ("and", 0, "sku", "notIn")),
    ],
    ids=[f"{number}" for number in range(21)],  # xdist wants the same in every process, and some hold new ids
)
async def test_what_makes_no_sense_is_refused_where_it_stands(
    ask: Asker, oddments: Oddments, where: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    answer = await asked(ask, oddments, where)
    assert answer.refusal == (["products"], ("where", *path))
    assert (answer.data, answer.ran) == (None, [])


async def test_conditions_on_lines_are_refused_where_they_stand(ask: Asker, oddments: Oddments) -> None:
    where = {"lineItems": {"every": {"not": {"product": {"eq": "par_1"}}}}}
    assert (await asked(ask, oddments, where, "orders")).refusal[1] == (
        *("where", "lineItems", "every", "not", "product"),
        "eq",
    )


async def test_five_hundred_values_and_no_more(ask: Asker, oddments: Oddments) -> None:
    sku = oddments["products"][0]["sku"]
    assert await found(ask, oddments, {"sku": {"in": [sku, *(f"x{n}" for n in range(499))]}}) == [sku]


def nested(levels: int, inner: dict[str, Any], step: str = "not") -> dict[str, Any]:
    for _ in range(levels - 1):
        inner = {step: inner if step == "not" else [inner]}
    return inner


async def test_ten_levels_and_no_more(ask: Asker, oddments: Oddments) -> None:
    leaf = {"sku": {"eq": oddments["products"][0]["sku"]}}
    [sku] = await found(ask, oddments, nested(9, leaf))
    assert await found(ask, oddments, nested(10, leaf, "and")) == [sku]
    assert len(await found(ask, oddments, nested(10, leaf))) == len(NAMES) - 1
    for levels in (11, 40):
        answer = await asked(ask, oddments, nested(levels, leaf))
        assert answer.refusal == (["products"], ("where", *["not"] * 10))
        assert answer.ran == []


async def test_a_hundred_comparisons_and_no_more(ask: Asker, oddments: Oddments) -> None:
    leaves = [{"sku": {"ne": f"x{number}"}} for number in range(101)]
    assert len(await found(ask, oddments, {"and": leaves[:100]})) == len(NAMES)
    answer = await asked(ask, oddments, {"and": leaves})
    assert answer.refusal == (["products"], ("where", "and", 100, "sku"))
    assert answer.ran == []


@pytest.mark.parametrize(
    "where",
    [
        "{ listPrice: { gt: 1.5 } }",
        '{ listPrice: { gt: "1e3" } }',
        '{ listPrice: { gt: "NaN" } }',
        '{ listPrice: { gt: " 1" } }',
        "{ listPrice: { gt: true } }",
        '{ createdAt: { gt: "2026-01-01" } }',
        '{ createdAt: { gt: "2026-01-01T00:00:00" } }',
        '{ createdAt: { gt: "0001-01-01T00:00:00+23:59" } }',
        "{ sku: { eq: 5 } }",
        '{ sku: { in: ["a", null] } }',
        '{ active: { eq: "true" } }',
        '{ colour: { eq: "red" } }',
        "{ or: [null] }",
    ],
)
async def test_a_value_of_another_type_is_no_query_at_all(ask: Asker, oddments: Oddments, where: str) -> None:
    answer = await ask(f"{{ products(where: {where}) {{ nodes {{ id }} }} }}", oddments.tenant)
    assert answer.data is None
    assert answer.errors
    assert answer.ran == []
    assert all(error.path is None for error in answer.errors)


async def test_numbers_are_compared_as_numbers_and_times_as_times(ask: Asker, oddments: Oddments) -> None:
    priced = {"listPrice": {"eq": "12.340"}}
    assert len(await found(ask, oddments, priced)) == 4
    assert len(await found(ask, oddments, {"listPrice": {"gt": "1.5", "lt": "1.500002"}})) == 2
    assert len(await found(ask, oddments, {"listPrice": {"gte": "99999999999999.999999"}})) == 2
    assert await found(ask, oddments, {"listPrice": {"lt": "0"}}) == []
    first = {"createdAt": {"eq": "2026-03-01T13:00:00.000000+01:00"}}
    assert await found(ask, oddments, first) == sorted(row["sku"] for row in oddments["products"][:4])


async def test_available_counts_what_can_be_sold_alone(ask: Asker, oddments: Oddments) -> None:
    own = {place["id"] for place in oddments["locations"] if place["kind"] == "INTERNAL"}
    sellable = {
        product["sku"]
        for product in oddments["products"]
        if sum(
            level["on_hand"] - level["reserved"]
            for level in oddments["stock_levels"]
            if level["product_id"] == product["id"] and level["location_id"] in own
        )
        > 0
    }
    assert await found(ask, oddments, {"available": {"gt": "0"}}) == sorted(sellable)
    assert 0 < len(sellable) < len(NAMES)
