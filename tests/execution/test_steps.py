"""Work in steps, within functions that can't yield as well."""

import asyncio
from collections.abc import Callable

import pytest
from graphql import GraphQLSchema, GraphQLSyntaxError, build_schema

from execution import Documents
from execution.steps import Turn, at_once, in_turns, stepped, turn_if_stepped

SCHEMA = build_schema("type Query { name(of: Int): String, next: Query }")


def counted(done: list[int], most: int = 3) -> Callable[[Turn], str]:
    def work(turn: Turn) -> str:
        try:
            for number in range(most):
                done.append(number)
                turn()
        finally:
            done.append(-1)
        return "result"

    return work


def test_each_turn_is_a_step_and_the_result_comes_last() -> None:
    done: list[int] = []
    steps = stepped(counted(done))
    assert done == []
    for number in range(3):
        assert next(steps) is None
        assert done == [*range(number + 1)]
    assert at_once(steps) == "result"
    assert done == [0, 1, 2, -1]


async def test_steps_of_two_go_on_side_by_side() -> None:
    done: list[int] = []
    both = await asyncio.gather(*(in_turns(stepped(counted(done))) for _ in range(2)))
    assert both == ["result", "result"]
    assert done == [0, 0, 1, 1, 2, 2, -1, -1]


def test_an_error_comes_out_where_the_step_was_taken() -> None:
    def fails(turn: Turn) -> None:
        turn()
        raise ValueError("no")

    steps = stepped(fails)
    next(steps)
    with pytest.raises(ValueError, match="no"):
        next(steps)


def test_what_knows_of_no_turns_takes_them_where_it_is_done_in_steps_alone() -> None:
    done: list[int] = []

    def work(_turn: Turn) -> None:
        for number in range(2):
            done.append(number)
            turn_if_stepped()

    work(turn_if_stepped)
    assert done == [0, 1]
    one, other = stepped(work), stepped(work)
    next(one)
    next(other)
    turn_if_stepped()  # of neither of them
    assert done == [0, 1, 0, 0]
    at_once(one)
    at_once(other)
    assert done == [0, 1, 0, 0, 1, 1]


def test_work_that_nobody_waits_for_any_more_ends() -> None:
    done: list[int] = []
    steps = stepped(counted(done))
    next(steps)
    steps.close()
    assert done == [0, -1]


def test_it_goes_on_for_another_who_asks_than_began_it() -> None:
    done: list[int] = []
    inner = stepped(counted(done))

    def goes_on(turn: Turn) -> str:
        turn()
        return at_once(inner)

    outer = stepped(goes_on)
    next(inner)
    next(outer)
    assert at_once(outer) == "result"
    assert done == [0, 1, 2, -1]


@pytest.mark.parametrize(
    "text",
    [
        "{ name }",
        "{" + " name" * 300 + "}",
        "query ($of: Int) {" + " name(of: $of)" * 300 + "}",
        "query ($of: Int, $no: Int) {" + " name(of: $of)" * 300 + "}",
        "{" + " name(of: $of)" * 300 + "}",
        "{" + "".join(f" name nope{index}" for index in range(150)) + "}",
        "{" + " next { ...F }" * 100 + "} fragment F on Query {" + " name" * 200 + " nope }",
        "query A {" + " name" * 200 + "} query A { name }",
        '{ name(of: "$") }',
    ],
)
async def test_a_document_is_examined_in_turns_as_at_once(text: str) -> None:
    def told(schema: GraphQLSchema) -> list[str]:
        return [f"{error.message} {error.positions}" for error in Documents(schema).get(text).errors]

    assert [f"{error.message} {error.positions}" for error in (await Documents(SCHEMA).read(text)).errors] == told(
        SCHEMA
    )


async def test_a_document_that_ends_badly_is_told_at_its_place() -> None:
    text = "{" + " name" * 300
    with pytest.raises(GraphQLSyntaxError) as at_once_:
        Documents(SCHEMA).get(text)
    with pytest.raises(GraphQLSyntaxError) as in_turns_:
        await Documents(SCHEMA).read(text)
    assert (in_turns_.value.message, in_turns_.value.positions) == (at_once_.value.message, at_once_.value.positions)


async def test_a_variable_is_missed_though_the_rules_of_variables_are_left_out_elsewhere() -> None:
    (error,) = (await Documents(SCHEMA).read("{ name(of: $of) }")).errors
    assert error.message == "Variable '$of' is not defined."
    (error,) = (await Documents(SCHEMA).read("query ($of: Int) { name }")).errors
    assert error.message == "Variable '$of' is never used."
