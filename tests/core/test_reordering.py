"""How many are ordered again."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import LIMIT
from core.reordering import ReplenishmentProblem, arrival, problem_of, quantity_to_order

PIECES = st.decimals(0, 10**6, places=6, allow_nan=False)


@pytest.mark.parametrize(
    "projected,target,minimum,multiple,quantity",
    [
        ("3", "10", "0", "1", "7"),
        ("-5", "10", "0", "1", "15"),
        ("3", "10", "20", "1", "20"),
        ("3", "10", "0", "6", "12"),
        ("3", "10", "20", "12", "24"),
        ("9.5", "10", "0", "1", "1"),
        ("0", "0.000003", "0", "0.000002", "0.000004"),
        # A float would find a third of a pack too much.
        ("0", "0.3", "0", "0.1", "0.3"),
        ("-99999999999999", "99999999999999", "0", "0.000007", "199999999999998.000005"),
    ],
)
def test_quantities(projected: str, target: str, minimum: str, multiple: str, quantity: str) -> None:
    numbers = [Decimal(each) for each in (projected, target, minimum, multiple)]
    assert quantity_to_order(numbers[0], numbers[1], numbers[2], numbers[3]) == Decimal(quantity)


@settings(max_examples=200, deadline=None)
@given(PIECES, PIECES, PIECES, PIECES.filter(bool))
def test_it_is_the_smallest_that_serves(short: Decimal, target: Decimal, minimum: Decimal, multiple: Decimal) -> None:
    projected = target - short
    found = quantity_to_order(projected, target, minimum, multiple)
    assert found % multiple == 0
    assert projected + found >= target
    assert found >= minimum
    less = found - multiple
    assert projected + less < target or less < minimum


def test_what_keeps_it_from_being_ordered() -> None:
    much, price = Decimal(10**13), Decimal(10)
    named: dict[str, Any] = {"supplier": "S", "price": price, "currency": "EUR"}
    assert problem_of(Decimal(1), Decimal(1), **named) is None
    assert problem_of(Decimal(1), Decimal(1), **named | {"supplier": None}) == ReplenishmentProblem.NO_SUPPLIER
    assert problem_of(Decimal(1), Decimal(1), **named | {"price": None}) == ReplenishmentProblem.NO_PRICE
    assert (
        problem_of(much, Decimal(1), **named) == problem_of(Decimal(1), LIMIT, **named) == ReplenishmentProblem.TOO_MUCH
    )


def test_a_day_is_that_of_the_tenant() -> None:
    late = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert arrival(late, "Europe/Berlin", 3) == date(2026, 12, 1)
    assert arrival(late, "America/New_York", 3) == date(2026, 11, 30)
