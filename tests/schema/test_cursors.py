"""What a page's arguments may not be: each refused with the path of the argument, before anything is read."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import ids
from core.errors import BadInput
from tests.support.graph import Answer, Asker
from tests.support.oddments import Oddments


async def refused(ask: Asker, tenant: UUID, arguments: str, field: str = "products") -> tuple[Any, ...]:
    answer = await ask(f"{{ {field}({arguments}) {{ nodes {{ id }} }} }}", tenant)
    assert (answer.data, answer.ran) == (None, [])
    path, argument = answer.refusal
    assert path == [field]
    return argument


@pytest.mark.parametrize(
    "arguments, path",
    [
        ("first: 251", ("first",)),
        ("first: 100000", ("first",)),
        ("first: 2147483647", ("first",)),
        ("first: -1", ("first",)),
        ("last: 251", ("last",)),
        ("last: -2147483648", ("last",)),
        ("first: 1, last: 1", ("last",)),
        ("first: 0, last: 0", ("last",)),
        ('after: ""', ("after",)),
        ('before: "nonsense"', ("before",)),
        ("orderBy: [{ field: SKU }, { field: NAME }, { field: LIST_PRICE }, { field: CREATED_AT }]", ("orderBy",)),
        ("orderBy: [{ field: SKU }, { field: SKU, direction: DESC }]", ("orderBy", 1, "field")),
        ("orderBy: { field: RELEVANCE }", ("orderBy", 0, "field")),
        ('search: "a\\u0000b"', ("search",)),
    ],
)
async def test_what_makes_no_sense(ask: Asker, larkspur: UUID, arguments: str, path: tuple[Any, ...]) -> None:
    assert await refused(ask, larkspur, arguments) == path


@pytest.mark.parametrize(
    "arguments", ["first: 2147483648", 'first: "5"', "first: 1.5", "orderBy: { field: COLOUR }", "after: 5"]
)
async def test_a_value_of_another_type_is_no_query_at_all(ask: Asker, larkspur: UUID, arguments: str) -> None:
    answer = await ask(f"{{ products({arguments}) {{ nodes {{ id }} }} }}", larkspur)
    assert (answer.data, answer.ran) == (None, [])
    assert all(error.path is None for error in answer.errors)


async def test_a_refusal_inside_a_page_names_every_parent_and_keeps_the_rest(ask: Asker, larkspur: UUID) -> None:
    query = "{ viewer { principal } orders(first: 2) { nodes { lineItems(first: -1) { nodes { id } } } } }"
    for breadth_first in (True, False):
        answer = await ask(query, larkspur, breadth_first=breadth_first)
        assert answer.data is None  # every field up to the root is non-null
        assert answer.errors[0].path == ["orders", "nodes", 0, "lineItems"]
        assert isinstance(answer.errors[0].original_error, BadInput)
        assert answer.errors[0].original_error.path == ("first",)


async def cursor_of(ask: Asker, tenant: UUID, field: str, arguments: str, variables: Any = None) -> str:
    query = f"{{ {field}(first: 1{arguments}) {{ pageInfo {{ endCursor }} }} }}"
    cursor: str = (await ask(query, tenant, variables)).good[field]["pageInfo"]["endCursor"]
    return cursor


@pytest.mark.parametrize(
    "there, here",
    [
        ("", ", orderBy: { field: SKU, direction: DESC }"),
        ("", ", orderBy: { field: NAME }"),
        ("", ", orderBy: [{ field: SKU }, { field: NAME }]"),
        ("", ", where: { active: { eq: true } }"),
        (', where: { sku: { ne: "x" } }', ', where: { sku: { ne: "y" } }'),
        (', where: { sku: { ne: "x" } }', ', where: { name: { ne: "x" } }'),
        (', where: { and: [{ sku: { ne: "x" } }] }', ', where: { or: [{ sku: { ne: "x" } }] }'),
        ("", ', search: "a", orderBy: { field: SKU }'),
        (', search: "a"', ', search: "l"'),
    ],
)
async def test_a_cursor_of_another_list(ask: Asker, oddments: Oddments, there: str, here: str) -> None:
    cursor = await cursor_of(ask, oddments.tenant, "products", there)
    for argument in ("after", "before"):
        assert await refused(ask, oddments.tenant, f'{argument}: "{cursor}"{here}') == (argument,)
    back = await cursor_of(ask, oddments.tenant, "products", here)
    assert await refused(ask, oddments.tenant, f'first: 3, after: "{back}"{there}') == ("after",)


async def test_a_cursor_of_another_field(ask: Asker, oddments: Oddments) -> None:
    cursor = await cursor_of(ask, oddments.tenant, "products", "")
    for field in ("partners", "orders", "warehouses", "stockLevels", "stockMoves"):
        assert await refused(ask, oddments.tenant, f'after: "{cursor}"', field) == ("after",)
    cursor = await cursor_of(ask, oddments.tenant, "orders", "")
    query = f'{{ partners(first: 1) {{ nodes {{ orders(after: "{cursor}") {{ nodes {{ id }} }} }} }} }}'
    answer = await ask(query, oddments.tenant)
    assert answer.refusal == (["partners", "nodes", 0, "orders"], ("after",))


async def test_the_same_list_written_otherwise_takes_the_cursor(ask: Asker, oddments: Oddments) -> None:
    """An alias, a variable, the default spelled out or another page size make no other list."""
    cursor = await cursor_of(ask, oddments.tenant, "products", "")
    spelled = "where: {}, orderBy: [{ field: SKU, direction: ASC }], search: null"
    query = f"query ($c: String) {{ list: products(first: 2, after: $c, {spelled}) {{ nodes {{ sku }} }} }}"
    rows = (await ask(query, oddments.tenant, {"c": cursor})).good["list"]["nodes"]
    assert [row["sku"] for row in rows] == sorted(row["sku"] for row in oddments["products"])[1:3]


async def test_another_tenants_cursor_only_chooses_a_place_in_ones_own_list(
    ask: Asker, oddments: Oddments, larkspur: UUID
) -> None:
    cursor = await cursor_of(ask, larkspur, "products", ", orderBy: { field: NAME }")
    query = f'{{ products(first: 250, orderBy: {{ field: NAME }}, after: "{cursor}") {{ nodes {{ id }} }} }}'
    found = {row["id"] for row in (await ask(query, oddments.tenant)).good["products"]["nodes"]}
    assert found < {ids.encode("prod", row["id"]) for row in oddments["products"]}


# ---------------------------------------------------------------- cursors made up

FIELDS = {
    "products": ["SKU", "LIST_PRICE", "CREATED_AT"],
    "orders": ["PLACED_AT", "TOTAL"],
    "stockLevels": ["ON_HAND"],
}
ODD = [
    *(
        "",
        "x",
        "NaN",
        "sNaN",
        "-Infinity",
        "1e999999",
        "1E+200000",
        "0x1",
        "١٢",
        "-0",
        " 1 ",
        "1_000",
        "\ud800",
        "9" * 400,
    ),
    *("2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "infinity"),
    *("0" * 32, "{" + "0" * 32 + "}", "urn:uuid:" + "0" * 32, "z" * 32),
]


def made_up(values: Any) -> str:
    raw = json.dumps(values).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def page_after(ask: Asker, tenant: UUID, field: str, sort: str, cursor: str) -> Answer:
    query = f"query ($c: String) {{ {field}(orderBy: {{ field: {sort} }}, after: $c) {{ nodes {{ id }} }} }}"
    return await ask(query, tenant, {"c": cursor})


def is_an_answer_or_a_refusal(answer: Answer, field: str) -> None:
    """A place in the list, wherever that is, or a clear no; never a fault."""
    if answer.errors:
        assert answer.refusal == ([field], ("after",))
        assert answer.ran == []
    else:
        assert len(answer.ran) == 1


@settings(max_examples=150)
@given(
    cursor=st.one_of(
        st.text(max_size=80), st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    )
)
@example(cursor=made_up([]))
@example(cursor=made_up({}))
@example(cursor=made_up(5))
@example(cursor=made_up(None))
@example(cursor=base64.urlsafe_b64encode(b"[" * 1_400).decode())
@example(cursor=base64.urlsafe_b64encode(b"9" * 1_400).decode())
@example(cursor="A" * 100_000)
async def test_text_that_is_no_cursor(ask: Asker, larkspur: UUID, cursor: str) -> None:
    answer = await page_after(ask, larkspur, "products", "SKU", cursor)
    assert answer.refusal == (["products"], ("after",))
    assert answer.ran == []


@pytest.mark.parametrize("field, sort", [(field, sort) for field, sorts in FIELDS.items() for sort in sorts])
async def test_a_cursor_with_odd_values_in_it(ask: Asker, oddments: Oddments, field: str, sort: str) -> None:
    cursor = await cursor_of(ask, oddments.tenant, field, f", orderBy: {{ field: {sort} }}")
    mark, value, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert len((await page_after(ask, oddments.tenant, field, sort, made_up([mark, value, identifier]))).ran) == 1
    odds: list[Any] = [*ODD, None, 5, True, [], {}, [[]], 1.5]
    for odd in odds:
        for values in ([mark, odd, identifier], [mark, value, odd], [odd, value, identifier]):
            is_an_answer_or_a_refusal(await page_after(ask, oddments.tenant, field, sort, made_up(values)), field)
    for values in ([mark], [mark, value], [mark, value, identifier, identifier]):
        assert (await page_after(ask, oddments.tenant, field, sort, made_up(values))).refusal == ([field], ("after",))


async def test_a_lines_cursor_with_odd_values_in_it(ask: Asker, oddments: Oddments) -> None:
    """Here the sort value is a whole number, which the database keeps in four bytes."""
    query = """query ($c: String) { orders(first: 1, where: { lineItems: { some: {} } }) { nodes {
      lineItems(first: 1, after: $c) { pageInfo { endCursor } } } } }"""
    first = (await ask(query, oddments.tenant)).good["orders"]["nodes"][0]["lineItems"]["pageInfo"]["endCursor"]
    mark, _, identifier = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    for odd in [*ODD, None, "2147483647", "2147483648", "-2147483649", "9" * 5_000]:
        answer = await ask(query, oddments.tenant, {"c": made_up([mark, odd, identifier])})
        if answer.errors:
            assert answer.refusal == (["orders", "nodes", 0, "lineItems"], ("after",))
