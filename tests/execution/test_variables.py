"""Variables are read as graphql-core reads them, or left to it."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    parse,
)
from graphql.execution.executor import Executor
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import example, given
from hypothesis import strategies as st

from execution.documents.inputs import unfit_variables
from execution.steps import stepped
from execution.variables import DEEPEST, VALUES, Entry, entry_of
from tests.support.sample import Context, build

SDL = """
    enum Colour { RED GREEN }
    scalar Even
    input Key { id: ID sku: String even: Even }
    input Line { key: Key! quantity: Float! note: String = "none" colours: [Colour!] sizes: [[Int]!]! = [[1]] }
    input Order { lines: [Line!]! above: Order name: String! open: Boolean! = true any: Even colour: Colour = GREEN }
    type Query { one(order: Order): Int }
"""
QUERY = """
    query Q($order: Order!, $more: [Order], $n: Int! = 7, $e: Even, $c: Colour = RED, $list: [Int] = [3]) { one(order: $order) }
"""


def _even(given: Any) -> Any:
    if given % 2:
        raise ValueError("odd")
    return given // 2


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    made = build_schema(SDL)
    key, order, even, colour = (made.type_map[name] for name in ("Key", "Order", "Even", "Colour"))
    assert isinstance(key, GraphQLInputObjectType)
    assert isinstance(order, GraphQLInputObjectType)
    assert isinstance(even, GraphQLScalarType)
    assert isinstance(colour, GraphQLEnumType)
    key.is_one_of = True
    order.fields["name"].out_name = "called"
    order.out_type = lambda value: ("order", value)  # type: ignore[method-assign]  # as users of graphql-core set it
    even.coerce_input_value = _even
    return made


WITHOUT_LIST = QUERY.replace(", $list: [Int] = [3]", "")


def entry(schema: GraphQLSchema, query: str = WITHOUT_LIST) -> Entry | None:
    return entry_of(schema, parse(query), None)


def same(schema: GraphQLSchema, variables: dict[str, Any]) -> bool:
    """Whether the variables are read; then they are what graphql-core reads. What it refuses isn't read."""
    made = entry(schema)
    assert made is not None
    ours = made.read(variables)
    theirs = get_variable_values(schema, made.operation.variable_definitions or (), variables)
    if isinstance(theirs, VariableValues) and ours is not None:
        assert ours.coerced == theirs.coerced
        assert [*ours.coerced] == [*theirs.coerced]
        assert {name: each.value for name, each in ours.sources.items()} == {
            name: each.value for name, each in theirs.sources.items()
        }
        assert repr(ours.coerced) == repr(theirs.coerced)  # the fields of inputs are in the same order
    else:
        assert ours is None
        # What is refused in words of ours isn't looked at by graphql-core any more.
        assert isinstance(theirs, list) or not unfit(schema, variables)
    return ours is not None


def unfit(schema: GraphQLSchema, variables: dict[str, Any]) -> list[GraphQLError]:
    return unfit_variables(schema, parse(WITHOUT_LIST), None, variables, helps=True)


LEAF = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.just(2.5), st.sampled_from(["RED", "BLUE", "x", ""]))
KEY = st.dictionaries(st.sampled_from(["id", "sku", "even"]), st.one_of(st.just("k"), LEAF), max_size=2)
LINE = st.fixed_dictionaries(
    {"key": st.one_of(KEY, st.just({"sku": "a"})), "quantity": st.one_of(st.integers(0, 3), LEAF)},
    optional={
        "note": LEAF,
        "colours": st.one_of(LEAF, st.lists(st.sampled_from(["RED", "GREEN", None]), max_size=2)),
        "sizes": st.one_of(LEAF, st.lists(st.one_of(LEAF, st.lists(LEAF, max_size=2)), max_size=2)),
    },
)
ORDER = st.recursive(
    st.fixed_dictionaries(
        {"lines": st.one_of(LINE, st.lists(LINE, max_size=3)), "name": st.just("n")},
        optional={"open": LEAF, "any": LEAF, "colour": LEAF, "unknown": LEAF},
    ),
    lambda inner: st.builds(lambda order, above: {**order, "above": above}, inner, st.one_of(st.none(), inner)),
    max_leaves=3,
)
PLAIN = {"lines": [{"key": {"sku": "a"}, "quantity": 1}], "name": "n"}


@given(
    st.fixed_dictionaries(
        {"order": st.one_of(ORDER, LEAF)},
        optional={"more": st.one_of(ORDER, st.lists(ORDER, max_size=2)), "n": LEAF, "e": LEAF, "c": LEAF, "x": LEAF},
    )
)
@example({"order": PLAIN})
@example({"order": PLAIN | {"lines": PLAIN["lines"][0]}})
@example({"order": PLAIN | {"any": 3}})
@example({"order": PLAIN | {"colour": None, "above": PLAIN}, "more": PLAIN, "n": 1, "e": 4, "c": None})
@example({"order": PLAIN | {"lines": [{"key": {"sku": None}, "quantity": 1}]}})
@example({"order": PLAIN | {"lines": [{"key": {"sku": "a", "id": None}, "quantity": 1}]}})
def test_they_are_what_graphql_core_reads(schema: GraphQLSchema, variables: dict[str, Any]) -> None:
    same(schema, variables)


def test_what_fits_is_read(schema: GraphQLSchema) -> None:
    assert same(schema, {"order": PLAIN})
    assert same(
        schema, {"order": PLAIN | {"above": PLAIN, "any": 2}, "more": [PLAIN, None], "n": 1, "e": None, "c": "GREEN"}
    )
    assert same(schema, {"order": PLAIN | {"lines": PLAIN["lines"][0]}, "more": PLAIN})


@pytest.mark.parametrize(
    "order",
    [
        *(None, 1, "x", [PLAIN], {}, PLAIN | {"name": None}, PLAIN | {"unknown": 1}, PLAIN | {"any": 3}),
        *(PLAIN | {"lines": [None]}, PLAIN | {"lines": ({"key": {"sku": "a"}, "quantity": 1},)}),
        *(PLAIN | {"lines": [{"key": key, "quantity": 1}]} for key in ({}, {"sku": None}, {"sku": "a", "id": "b"})),
    ],
)
def test_what_does_not_fit_is_not(schema: GraphQLSchema, order: Any) -> None:
    made = entry(schema)
    assert made is not None
    assert made.read({"order": order}) is None
    assert made.read({}) is None


def test_what_does_not_fit_is_looked_at_in_steps(schema: GraphQLSchema) -> None:
    """160 kB of conditions were read by graphql-core, and then again for words that help, in one step of 21 ms."""
    variables = {"order": PLAIN, "more": [*[PLAIN] * 1_000, PLAIN | {"colour": "BLUE"}]}
    steps, found = 0, list[GraphQLError]()
    looked = stepped(lambda _: found.extend(unfit(schema, variables)))
    for _ in looked:
        steps += 1
    # An order of one line has seven values.
    assert steps == (7 + 1 + 1_001 * 7 + 1) // VALUES
    assert [each.extensions for each in found] == [
        {"argumentPath": ["more", 1_000, "colour"], "variablePath": ["more", 1_000, "colour"]}
    ]


async def test_what_fits_is_read_in_steps_where_it_is_much(
    schema: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred conditions of as many numbers held the loop for 10 ms."""
    made = entry(schema)
    assert made is not None
    # An order has two fields, its list one line, which has two fields, and its key one: 9,000, after a turn before the long list and
    # one behind it.
    few, many = ({"order": PLAIN, "more": [PLAIN] * count} for count in (100, 1_500))
    assert sum(1 for _ in stepped(lambda turn: made.read(many, turn))) == 1_500 * 6 // VALUES + 2
    assert await made.read_in_turns(many) == made.read(many)
    monkeypatch.setattr("execution.variables.in_turns", None)
    assert await made.read_in_turns(few) == made.read(few)


async def test_what_fits_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the number of errors that are wanted counted as unusual, graphql-core read all variables a second time."""
    sample = build(breadth_first=True)
    document = parse("query q($box: Box!) { box(box: $box) }")
    monkeypatch.setattr(Executor, "build", None)
    assert (await sample.execute_document(document, {"box": {"wide": 3}}, context=Context())).errors is None


async def test_graphql_core_does_not_look_at_what_is_refused_in_words_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = build(breadth_first=True)
    document = parse("query q($box: Box!) { box(box: $box) }")
    assert (await sample.execute_document(document, {"box": {"wide": 3}}, context=Context())).errors is None
    monkeypatch.setattr("execution.schema.execute", None)
    refused = await sample.execute_document(document, {"box": {"wide": "x"}}, context=Context())
    assert [each.extensions["variablePath"] for each in refused.errors or () if each.extensions] == [["box", "wide"]]


def test_what_is_deep_is_left_to_graphql_core(schema: GraphQLSchema) -> None:
    made = entry(schema)
    assert made is not None
    order: dict[str, Any] = dict(PLAIN)
    for depth in range(1, 10_000):
        order = PLAIN | {"above": order}
        if depth in (DEEPEST - 4, DEEPEST, 9_999):
            assert (made.read({"order": order}) is not None) == (depth < DEEPEST - 3)


def test_operations_that_only_graphql_core_knows(schema: GraphQLSchema) -> None:
    document = parse("query A { one } query B { one }")
    assert entry_of(schema, document, None) is None
    assert entry_of(schema, document, "C") is None
    found = entry_of(schema, document, "B")
    assert found is not None
    assert found is entry_of(schema, document, "B")
    assert (found.operation.name and found.operation.name.value) == "B"
    # A list that is a variable's default would be one for all requests.
    assert entry(schema, QUERY) is None
