"""What a principal may do: permissions by area and verb, bundled into roles."""

from collections.abc import Iterable

PERMISSIONS = {
    "catalog:read": "see products",
    "catalog:write": "make and change products",
    "partners:read": "see partners",
    "partners:write": "make and change partners",
    "stock:read": "see warehouses, locations, stock levels and the ledger",
    "stock:adjust": "adjust, set and transfer stock",
    "stock:verify": "go through the books",
    "warehouses:write": "make warehouses and locations",
    "orders:read": "see orders and their line items",
    "orders:write": "make, change, confirm and cancel orders",
    "orders:fulfil": "ship orders and take goods back",
    "events:read": "see who did what",
    "plan:read": "see what a query ran",
    "schema:read": "read the schema by introspection",
    "keys:manage": "make and revoke API keys",
}
"""Every permission, and what it lets one do."""

_READ = frozenset({"catalog:read", "partners:read", "stock:read", "orders:read", "events:read", "schema:read"})

PARTNER = "partner"
"""The role of business partners, which is only theirs."""

ROLES = {
    "viewer": _READ,
    "clerk": _READ | {"partners:write", "orders:write"},
    "warehouse": _READ | {"stock:adjust", "stock:verify", "orders:fulfil"},
    "manager": frozenset(PERMISSIONS) - {"keys:manage"},
    "admin": frozenset(PERMISSIONS),
    # Sees the catalog and its own orders only; the rows are chosen by policy and by predicate.
    PARTNER: frozenset({"catalog:read", "partners:read", "orders:read", "schema:read"}),
}
"""What each role may do. A principal with several may do what any of them may."""

EVERYTHING = frozenset(PERMISSIONS)


def permitted(roles: Iterable[str], *, partner: bool = False) -> frozenset[str]:
    """What these roles together may do; unknown ones add nothing, and none may do nothing.

    A business partner may do what the role ``partner`` may, and no role that it has besides adds to
    that; who is none gets nothing from that role, since there would be no rows to narrow it to.
    """
    granted = frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles if partner or role != PARTNER))
    return granted & ROLES[PARTNER] if partner else granted
