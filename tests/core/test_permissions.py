"""Roles, and what they add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.modules import PARTNER
from core.permissions import EVERYTHING, PERMISSIONS, ROLES, effective, permitted


def test_roles_are_made_of_permissions_that_there_are() -> None:
    assert frozenset().union(*ROLES.values()) == frozenset(PERMISSIONS) == EVERYTHING
    assert ROLES["admin"] == ROLES["manager"] == EVERYTHING
    for role in ("viewer", PARTNER):
        assert {permission.rpartition(":")[2] for permission in ROLES[role]} == {"read"}


@pytest.mark.parametrize("roles", [[], ["unheard of"], ["Admin"], [""], [PARTNER]])
def test_no_role_is_no_permission(roles: list[str]) -> None:
    assert permitted(roles) == frozenset()


def test_roles_add_up() -> None:
    assert permitted(["clerk", "warehouse", "clerk", PARTNER]) == ROLES["clerk"] | ROLES["warehouse"]


@pytest.mark.parametrize("roles", [[PARTNER], [PARTNER, "admin"], ["admin"], ["viewer"]])
def test_a_partner_may_what_partners_may_whatever_else_it_is(roles: list[str]) -> None:
    assert permitted(roles, partner=True) == ROLES[PARTNER]
    assert effective(roles, partner=True) == (PARTNER,)
    assert permitted([], partner=True) == frozenset()
    assert effective([], partner=True) == ()


@given(roles=st.lists(st.sampled_from([*ROLES, "unheard of", ""])), partner=st.booleans())
def test_the_roles_that_are_shown_are_those_that_count(roles: list[str], partner: bool) -> None:
    shown = effective(roles, partner=partner)
    assert list(shown) == sorted(set(shown))
    assert set(shown) <= ROLES.keys()
    assert permitted(shown, partner=partner) == permitted(roles, partner=partner)
