"""What a principal may do: permissions by area and verb, bundled into roles."""

from collections.abc import Iterable

from core.modules import PARTNER, READERS, Permission, declared

_OWN = {
    "events:read": Permission("see who did what", READERS),
    "plan:read": Permission("see what a query ran"),
    "schema:read": Permission("read the schema by introspection", (*READERS, PARTNER)),
    "tenant:write": Permission("change the tenant's own address"),
}
"""Those that belong to no module. A module declares its own in ``core/<module>.py``."""

_ALL = _OWN | {name: each for declared_ones in declared("core", "PERMISSIONS") for name, each in declared_ones.items()}

PERMISSIONS = {name: permission.allows for name, permission in _ALL.items()}
"""Every permission, and what it lets one do."""

EVERYTHING = frozenset(PERMISSIONS)


def _of(role: str) -> frozenset[str]:
    return frozenset(name for name, permission in _ALL.items() if role in permission.roles)


# A partner sees the catalog and its own orders only; the rows are chosen by policy and by predicate.
ROLES = {role: _of(role) for role in READERS} | {"manager": EVERYTHING, "admin": EVERYTHING, PARTNER: _of(PARTNER)}
"""What each role may do. A principal with several may do what any of them may."""


def permitted(roles: Iterable[str], *, partner: bool = False) -> frozenset[str]:
    """What these roles together may do; unknown ones add nothing, and none may do nothing.

    A business partner may do what the role ``partner`` may, and no role that it has besides adds to
    that; who is none gets nothing from that role, since there would be no rows to narrow it to.
    """
    granted = frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles if partner or role != PARTNER))
    return granted & ROLES[PARTNER] if partner else granted


def effective(roles: Iterable[str], *, partner: bool = False) -> tuple[str, ...]:
    """Those of these roles that ``permitted`` counts, sorted. A business partner has its own and no other."""
    if partner:
        return (PARTNER,) if permitted(roles, partner=True) else ()
    return tuple(sorted({role for role in roles if role in ROLES and role != PARTNER}))
