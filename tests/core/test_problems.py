"""Problems are gathered, with paths of text and facts in plain numbers."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from core.inventory import INSUFFICIENT_STOCK, note_shortage
from core.problems import INVALID_INPUT, NOT_FOUND, VERSION_CONFLICT, CommandRejected, Path, Problem, Problems, refuse
from tests.support.cpu import least_cpu, within


def test_nothing_is_wrong_until_something_is() -> None:
    problems = Problems()
    assert not problems
    problems.check()
    problems.invalid("Too much.", "lineItems", 2, "quantity")
    assert problems
    with pytest.raises(CommandRejected):
        problems.check()


def test_all_that_is_wrong_is_told_in_its_order() -> None:
    problems, product = Problems(), new_id()
    problems.missing("order with this key", "order")
    problems.invalid("Too much.", "lineItems", 2, "quantity")
    note_shortage(
        problems, "Too few.", "lines", 0, product=product, requested=Decimal("1.500"), available=Decimal("1E+2")
    )
    with pytest.raises(CommandRejected, match=r"^There is no order with this key.; Too much.; Too few.$") as refused:
        problems.check()
    assert [(each.code, each.path, each.facts) for each in refused.value.problems] == [
        (NOT_FOUND, ("input", "order"), {}),
        (INVALID_INPUT, ("input", "lineItems", "2", "quantity"), {}),
        (INSUFFICIENT_STOCK, ("input", "lines", "0"), {"product_id": product, "requested": "1.5", "available": "100"}),
    ]


def test_a_refusal_of_one_problem() -> None:
    [problem] = refuse(VERSION_CONFLICT, "Changed.", "expectedVersion", current_version=3).problems
    assert (problem.path, problem.facts) == (("input", "expectedVersion"), {"current_version": 3})
    assert refuse(INVALID_INPUT, "All of it.").problems[0].path == ("input",)


def test_nothing_more_is_said_of_a_value_that_could_not_be_read() -> None:
    bad = Problem("INVALID_INPUT", "Not an id.", ("input", "lineItems", "0", "product", "id"))
    problems = Problems([bad])
    problems.missing("product", "lineItems", 0, "product")
    problems.invalid("Too much.", "lineItems", 0, "product", "id", "more")
    assert problems.found == [bad]
    problems.invalid("Too many lines.", "lineItems")
    problems.missing("product", "lineItems", 1, "product")
    assert [each.path[1:] for each in problems.found[1:]] == [("lineItems",), ("lineItems", "1", "product")]


PROBLEMS = st.lists(
    st.builds(
        Problem,
        st.sampled_from([INVALID_INPUT, NOT_FOUND]),
        st.sampled_from(["One.", "Two."]),
        st.lists(st.sampled_from("ab"), max_size=4).map(lambda steps: ("input", *steps)),
    ),
    max_size=6,
)


def concerns(problem: Problem, bad: Path) -> bool:
    """Whether a problem is about a value that couldn't be read, said in another way."""
    is_in = problem.path[: len(bad)] == bad
    return is_in or (problem.code == NOT_FOUND and bad[: len(problem.path)] == problem.path)


@given(known=PROBLEMS, more=PROBLEMS)
def test_of_problems_of_others_those_are_added_that_are_new_and_about_values_that_were_read(
    known: Sequence[Problem], more: Sequence[Problem]
) -> None:
    problems = Problems(known)
    problems.add_new(more)
    expected = [*known]
    for each in more:
        if each not in expected and not any(concerns(each, bad.path) for bad in known):
            expected.append(each)
    assert problems.found == expected


def test_many_problems_of_many_lines_are_compared_in_no_time() -> None:
    """Each with each, 500 lines of four bad values took half a second, in which a process did nothing else."""
    known = [Problem(INVALID_INPUT, "Bad.", ("input", "lines", str(n), name)) for n in range(500) for name in "abcd"]
    more = [Problem(NOT_FOUND, "None.", ("input", "lines", str(n), name)) for n in range(500) for name in "xyz"]

    def compared() -> None:
        problems = Problems(known)
        problems.add_new(more)
        assert len(problems.found) == 3_500
        problems.add_new([*problems.found])
        assert len(problems.found) == 3_500

    assert least_cpu(compared) < within(0.02)
