"""Roles, and what they add up to."""

import pytest

from core.modules import PARTNER
from core.permissions import EVERYTHING, PERMISSIONS, ROLES, permitted


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
    assert permitted([], partner=True) == frozenset()
