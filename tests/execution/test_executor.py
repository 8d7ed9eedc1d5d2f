"""The breadth-first executor gives what graphql-core's gives: the same data, in the same order, and the same errors."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from graphql import get_introspection_query
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError

from tests.support.sample import Context, build, handed_over

SCHEMAS = {breadth_first: build(breadth_first=breadth_first) for breadth_first in (True, False)}


def outcome(result: Any) -> tuple[str, list[tuple[Any, ...]]]:
    """The data as text, for the order of the keys, and the errors by path."""
    errors = [
        (str(error.path), error.message, [(place.line, place.column) for place in error.locations or ()])
        for error in result.errors or ()
    ]
    return json.dumps(result.data), sorted(errors)


async def run(document: str, variables: Any = None, operation: str | None = None, *, breadth_first: bool = True) -> Any:
    return await SCHEMAS[breadth_first].execute(document, variables, Context(), operation_name=operation)


async def both(document: str, variables: Any = None, operation: str | None = None) -> Any:
    """The result, which both executors must agree on; and the breadth-first one must have made it itself."""
    before = handed_over()
    mine = await run(document, variables, operation)
    reference = await run(document, variables, operation, breadth_first=False)
    assert outcome(mine) == outcome(reference)
    assert handed_over() == before
    return mine


FINE = {
    "one field": "{ hello }",
    "aliases": '{ b: hello a: hello(name: "a") hello }',
    "merged": "{ cats { name } cats { number name } cats { again: name } }",
    "merged through fragments": "{ cats { name ...a } ...b } fragment a on Cat { number } fragment b on Query { cats { plain } }",
    "named fragments in fragments": """{ cats { ...a } } fragment a on Cat { ...b label } fragment b on Named { name }""",
    "inline without a type": "{ ... { hello } ... @include(if: true) { other: hello } }",
    "typename": "{ __typename cats { __typename t: __typename } pets { __typename } named { __typename } }",
    "interface": "{ named { name ... on Cat { number } ... on Dog { bark age } } }",
    "interface of batches": "{ named { ... on Cat { label doubled friends { name } } ... on Dog { label cats { label } } } }",
    "union": "{ pets { ... on Cat { name plain } ... on Dog { bark name: bark } ... on Named { called: name } } }",
    "nothing of some types": "{ anyPet { ... on Stone { weight } } named { ... on Dog { bark } } pets { ... on Cat { label } } }",
    "union of one": "{ pet(dog: true) { __typename ... on Dog { bark } } cat: pet(dog: false) { ... on Cat { name } } }",
    "union by batch": "{ anyPet { __typename ... on Cat { label } ... on Dog { label } ... on Stone { weight } } }",
    "batches": "{ cats { name label doubled double: doubled(by: 2) friends { label friends { label name } } } }",
    "plain and slow": "{ kittens { plain slow label friends { slow plain } } }",
    "paths": "{ cats { where friends { where } } litters { where } dog { cats { here: where } } }",
    "shared": "{ cats { number owner { name label age cats { name } } } }",
    "lists of lists": "{ litters { name friends { name } } }",
    "gaps": "{ gaps { name label } }",
    "tuple": "{ fromTuple again: fromTuple }",
    "generator": "{ generated }",
    "enum": "{ colour other: colour(like: RED) }",
    "scalar": "{ even(number: 2) }",
    "defaults": "{ hello box(box: {}) boxes maybe }",
    "null arguments": "{ maybe(name: null) boxes(boxes: null) box(box: { high: null, wide: 1 }) }",
    "coerced to a list": "{ boxes(boxes: { wide: 2 }) box(box: { colours: GREEN }) }",
    "extended type": "{ dog { age name } }",
}


@pytest.mark.parametrize("document", FINE.values(), ids=FINE.keys())
async def test_good_documents(document: str) -> None:
    result = await both(document)
    assert not result.errors
    assert result.data


WRONG = {
    "error": "{ hello explode }",
    "error by return": "{ returned hello }",
    "error to the top": "{ hello explodeStrictly cats { name } }",
    "errors in lists": "{ cats { name explode } kittens { explode } }",
    "strict in a strict list": "{ hello cats { name strict } }",
    "strict in a nullable list": "{ hello kittens { name strict } }",
    "strict in lists of lists": "{ litters { name strict } }",
    "strict in a list with gaps": "{ gaps { name strict } }",
    "missing": "{ gaps { missing } }",
    "missing to the top": "{ cats { missing } }",
    "null in a strict list": "{ hello strictGaps { name } }",
    "error in a list": "{ faulty { name label } }",
    "batch": "{ cats { name failing } }",
    "strict batch": "{ hello kittens { name failingStrictly } }",
    "partly": "{ cats { partly name } }",
    "partly strictly": "{ gaps { partlyStrictly name } }",
    "final nulls": "{ cats { nothing } gaps { nothingStrictly } }",
    "shared with an error": "{ cats { owner { name explode } } }",
    "shared strictly": "{ gaps { ownerStrictly { name } } kittens { ownerStrictly { name } } }",
    "batch under batch": "{ gaps { friends { failingStrictly } } }",
    "no list": "{ hello noList }",
    "text as list": "{ hello textAsList }",
    "wrong number": "{ wrongNumber large hello }",
    "wrong enum": "{ wrongColour hello }",
    "wrong scalar": "{ even(number: 12) evens }",
    "strangers": "{ strangers { ... on Cat { name } } }",
    "interface with errors": "{ named { name ... on Cat { explode } ... on Dog { explode } } }",
    "aliased error": "{ a: explode b: explode cats { c: explode d: partly } }",
    "fragment error": "{ ...f } fragment f on Query { cats { ...g } } fragment g on Cat { explode }",
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
async def test_documents_with_errors(document: str) -> None:
    assert (await both(document)).errors


INVALID = [
    "{",
    "{ colour(like: BLUE) }",
    "{ even(number: 1) }",
    "{ nowhere }",
    "{ hello { name } }",
    "{ cats }",
    "query A { hello } query A { hello }",
]


@pytest.mark.parametrize("document", INVALID)
async def test_documents_that_are_none(document: str) -> None:
    results = [await run(document, breadth_first=each) for each in (True, False)]
    assert outcome(results[0]) == outcome(results[1])
    assert results[0].data is None
    assert results[0].errors


@pytest.mark.parametrize("a", [True, False])
@pytest.mark.parametrize("b", [True, False])
async def test_skip_and_include(*, a: bool, b: bool) -> None:
    document = """query ($a: Boolean!, $b: Boolean! = true) { hello @skip(if: $a)
      cats @include(if: $b) { name @skip(if: $b) @include(if: $a) number ...f @skip(if: $a) ... @include(if: $b) { plain } }
      other: hello } fragment f on Cat { label @include(if: $b) }"""
    data = (await both(document, {"a": a, "b": b})).data
    assert ("hello" in data, "cats" in data) == (not a, b)
    assert (await both(document, {"a": a})).data["other"] == "hello you"
    # A plan made for one choice isn't taken for another: the same document again, in other order.
    assert ("hello" in (await both(document, {"a": not a, "b": b})).data) == a


async def test_a_field_skipped_here_and_asked_for_there() -> None:
    document = "query ($no: Boolean!) { cats { name @skip(if: $no) } cats @include(if: $no) { name } }"
    for no in (True, False):
        assert [row["name"] for row in (await both(document, {"no": no})).data["cats"]] == [f"cat{n}" for n in range(4)]


@pytest.mark.parametrize(
    "variables",
    [
        None,
        {},
        {"n": "me"},
        {"n": None},
        {"b": {"wide": 9}},
        {"b": {"wide": 9, "colours": ["RED", "GREEN"]}},
        {"l": ["RED"]},
    ],
)
async def test_variables(variables: Any) -> None:
    document = """query ($n: String, $b: Box! = { high: 4 }, $w: Int = 5, $c: Colour = RED, $l: [Colour!]! = []) {
      maybe(name: $n) box(box: $b) inner: box(box: { wide: $w, colours: $l }) colour(like: $c)
      list: boxes(boxes: [$b, { wide: $w }]) }"""
    assert not (await both(document, variables)).errors


@pytest.mark.parametrize(
    "variables",
    [
        {"n": None},
        {},
        {"n": "x"},
        {"n": 1.5},
        {"n": True},
        {"n": [1]},
        {"n": 2**31},
        {"n": 1, "e": 3},
        {"n": 1, "b": {"wide": None}},
        {"n": 1, "b": {"deep": 1}},
    ],
)
async def test_variables_that_dont_fit(variables: Any) -> None:
    document = """query ($n: Int!, $e: Even! = 2, $b: Box = {}) {
      cats { doubled(by: $n) } even(number: $e) box(box: $b) }"""
    results = [await run(document, variables, breadth_first=each) for each in (True, False)]
    assert outcome(results[0]) == outcome(results[1])
    assert results[0].data is None
    assert results[0].errors


async def test_a_null_variable_where_none_may_stand_fails_at_its_field() -> None:
    document = "query ($by: Int = 2) { hello cats { doubled(by: $by) } }"
    assert not (await both(document)).errors
    result = await both(document, {"by": None})
    assert result.data is None
    assert {str(error.path) for error in result.errors or ()} <= {f"['cats', {n}, 'doubled']" for n in range(4)}


async def test_several_operations() -> None:
    document = 'query A { a: hello } query B { b: hello(name: "b") } mutation C { step(number: 1) { number } }'
    for name, data in (("A", {"a": "hello you"}), ("B", {"b": "hello b"}), ("C", {"step": {"number": 1}})):
        assert (await both(document, None, name)).data == data
    for breadth_first in (True, False):
        with pytest.raises(CannotGetOperationTypeError):
            await run(document, None, "D", breadth_first=breadth_first)


async def test_introspection() -> None:
    result = await both(
        get_introspection_query(specified_by_url=True, input_value_deprecation=True, directive_is_repeatable=True)
    )
    assert not result.errors
    await both(
        '{ __type(name: "Cat") { name fields { name type { kind ofType { name } } } interfaces { name } } __typename hello }'
    )
    await both('{ __type(name: "None") { name } a: __schema { queryType { name } types { possibleTypes { name } } } }')


async def test_mutations_run_one_after_another() -> None:
    document = """mutation { first: step(number: 0) { seen number } second: step(number: 1) { seen }
      bad: step(number: 13) { seen } last: step(number: 2) { number } }"""
    result = await both(document)
    assert result.data == {
        "first": {"seen": ["start 0", "end 0", "seen 0"], "number": 0},
        "second": {"seen": ["start 0", "end 0", "seen 0", "start 1", "end 1", "seen 1"]},
        "bad": None,
        "last": {"number": 2},
    }
    [error] = result.errors or []
    assert (error.message, error.path) == ("unlucky", ["bad"])


async def test_each_event_of_a_subscription_is_executed_breadth_first() -> None:
    document = "subscription { kittens(count: 3) { name slow label friends { label plain } explode } }"
    seen = {}
    before = handed_over()
    for breadth_first, schema in SCHEMAS.items():
        stream: Any = await schema.subscribe(document, context_value=Context())
        seen[breadth_first] = [outcome(result) async for result in stream]
    assert seen[True] == seen[False]
    assert len(seen[True]) == 3
    assert json.loads(seen[True][2][0])["kittens"]["friends"] == [
        {"label": f"label kitten2{n}", "plain": f"plain kitten2{n}"} for n in range(2)
    ]
    assert handed_over() == before


async def test_a_stream_that_fails_ends_with_an_error() -> None:
    seen = {}
    for breadth_first, schema in SCHEMAS.items():
        stream: Any = await schema.subscribe("subscription { failing }", context_value=Context())
        seen[breadth_first] = [
            (result.data, [error.message for error in result.errors or ()]) async for result in stream
        ]
    assert seen[True] == seen[False] == [({"failing": 1}, []), (None, ["in the stream"])]


async def test_each_field_is_resolved_once_for_its_level() -> None:
    """Four cats, then the six friends of all of them together."""
    before = handed_over()
    data = (await run("{ allCats { level friends { level } } cats { level } }")).data
    assert [row["level"] for row in data["allCats"] + data["cats"]] == [4] * 8
    assert [friend["level"] for row in data["allCats"] for friend in row["friends"]] == [6] * 6
    assert handed_over() == before


def test_without_an_event_loop() -> None:
    document = "{ hello cats { name plain label friends { label } explode } }"
    before = handed_over()
    mine: Any = SCHEMAS[True].execute_sync(document, context_value=Context())
    assert mine.data["cats"][3]["friends"][0] == {"label": "label cat30"}
    assert len(mine.errors or ()) == 4
    plain = "{ hello cats { name plain explode } pets { __typename } colour }"
    results = [SCHEMAS[each].execute_sync(plain, context_value=Context()) for each in (True, False)]
    assert outcome(results[0]) == outcome(results[1])
    assert handed_over() == before


def test_without_an_event_loop_nothing_may_wait() -> None:
    """In a thread of its own, which never had one: here a test before may have left one, or none."""
    with ThreadPoolExecutor(1) as threads:
        query = "{ hello dog { name explode } }"
        result = threads.submit(SCHEMAS[True].execute_sync, query, context_value=Context()).result(10)
    assert result.data is None
    assert [error.message for error in result.errors or ()] == ["GraphQL execution failed to complete synchronously."]


class Shout(SchemaExtension):
    """Middleware around every ordinary resolver."""

    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        value = _next(root, info, *args, **kwargs)
        return value.upper() if isinstance(value, str) else value


async def test_middleware_of_extensions_runs_around_ordinary_resolvers() -> None:
    results: list[Any] = []
    for breadth_first in (True, False):
        schema = build(breadth_first=breadth_first, extensions=[Shout])
        results.append(await schema.execute("{ hello cats { plain number explode } }", context_value=Context()))
    assert outcome(results[0]) == outcome(results[1])
    assert results[0].data["cats"][1]["plain"] == "PLAIN CAT1"


async def test_deep_documents_end_alike() -> None:
    deep = "{ dog { cats " + "{ friends " * 30 + "{ name }" + " }" * 30 + " } }"
    await both(deep)
