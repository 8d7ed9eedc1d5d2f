"""What an order's state and progress allow: the whole table."""

import itertools

import pytest

from core.sales import TRANSITIONS, Progress, available_actions


@pytest.mark.parametrize(
    "status, progress, actions",
    [
        ("DRAFT", Progress(0, 0, 0), ["UPDATE", "CONFIRM", "CANCEL"]),
        ("CONFIRMED", Progress(0, 0, 0), ["UPDATE", "CANCEL"]),
        ("CONFIRMED", Progress(1, 0, 0, held=True), ["UPDATE", "SHIP", "CANCEL"]),
        ("CONFIRMED", Progress(2, 1, 0, held=True), ["UPDATE", "SHIP", "CANCEL", "RETURN"]),
        ("CONFIRMED", Progress(2, 1, 2, held=True), ["UPDATE", "SHIP", "CANCEL"]),
        ("CLOSED", Progress(2, 2, 0), ["RETURN"]),
        ("CLOSED", Progress(2, 2, 1), ["RETURN"]),
        ("CLOSED", Progress(2, 2, 2), []),
        ("CANCELLED", Progress(0, 0, 0), []),
    ],
)
def test_what_is_allowed(status: str, progress: Progress, actions: list[str]) -> None:
    assert available_actions(status, progress) == actions


def test_no_progress_allows_what_the_state_does_not() -> None:
    for status, parts in itertools.product(TRANSITIONS, itertools.product(range(3), range(3), range(3), (True, False))):
        assert {*available_actions(status, Progress(*parts))} <= {*TRANSITIONS[status]}
