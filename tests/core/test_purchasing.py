"""What the state of a purchase order allows."""

import pytest

from core.purchasing import TRANSITIONS, available_actions


@pytest.mark.parametrize(
    "status,returnable,actions",
    [
        ("DRAFT", False, ["UPDATE", "CONFIRM", "CANCEL"]),
        ("CONFIRMED", False, ["UPDATE", "RECEIVE", "CANCEL"]),
        ("CONFIRMED", True, ["UPDATE", "RECEIVE", "RETURN", "CANCEL"]),
        ("CLOSED", True, ["RETURN"]),
        ("CLOSED", False, []),
        ("CANCELLED", True, []),
    ],
)
def test_what_can_be_done(status: str, actions: list[str], *, returnable: bool) -> None:
    assert available_actions(status, returnable=returnable) == actions
    assert {*actions} <= {*TRANSITIONS[status]}
