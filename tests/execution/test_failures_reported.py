"""How many errors an answer has, where much of it failed: each error at least once, and not each place of each."""

from graphql import GraphQLField, GraphQLList, GraphQLObjectType, GraphQLString
from graphql.execution.executor import CollectedErrors

from core.errors import Forbidden
from execution.failures import MAX_ERRORS, MAX_PLACES, OBJECTS, PER_ERROR, Failure, NullPropagation
from execution.steps import stepped


class Plan:
    """As much of a field's plan as is looked at."""

    def __init__(self, key: str, type_: object, below: "Selection | None" = None) -> None:
        self.key = key
        self.definition = GraphQLField(type_)  # type: ignore[arg-type]  # it is one
        self.details: list[object] = []
        self.selections = {} if below is None else {below.type.name: below}


class Selection:
    def __init__(self, name: str, *fields: Plan) -> None:
        self.type, self.fields = GraphQLObjectType(name, {}), fields


def errors_of(columns: dict[str, list[Failure]]) -> list[str]:
    """The messages of an answer with these columns in the objects of a list."""
    leaves = [Plan(name, GraphQLString) for name in columns]
    row = Selection("Row", *leaves)
    rows = Plan("rows", GraphQLList(row.type), row)
    data = {"rows": [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]}
    found = CollectedErrors()
    walk = NullPropagation(found, {}, {rows, *leaves}, propagate=False)  # type: ignore[arg-type]  # they stand for plans
    settled = walk.root(Selection("Query", rows), data)  # type: ignore[arg-type]  # likewise
    assert settled == {"rows": [dict.fromkeys(columns)] * len(data["rows"])}
    return [error.message for error in found.errors]


def test_an_error_of_a_whole_level_is_reported_at_some_places() -> None:
    assert errors_of({"a": [Failure(Forbidden("no"))] * 1_000}) == ["no"] * MAX_PLACES


def test_many_errors_are_each_reported_and_not_at_each_place() -> None:
    """49 denied fields of 250 products were 12,250 errors: 2 MB, in one step of 0.4 seconds, for a partner's kilobyte."""
    told = errors_of({f"a{n}": [Failure(Forbidden(f"no {n}"))] * 250 for n in range(49)})
    assert {*told} == {f"no {n}" for n in range(49)}
    assert len(told) == MAX_ERRORS


def test_many_errors_are_made_in_steps() -> None:
    """300 errors held the loop for 30 ms."""
    turns = sum(1 for _ in stepped(lambda _: errors_of({"a": [Failure(Forbidden("no")) for _ in range(200)]})))
    assert turns == (200 * (1 + PER_ERROR) + 1) // OBJECTS


def test_what_failed_for_the_same_reason_is_the_same_error() -> None:
    """As values that each are a failure of their own: events whose subjects may not be read."""
    same, other = Forbidden("same"), Forbidden("other")
    told = errors_of({"a": [*(Failure(same) for _ in range(1_000)), Failure(other)]})
    assert told == ["same"] * MAX_PLACES + ["other"]
