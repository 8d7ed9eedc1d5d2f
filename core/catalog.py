"""What concerns products alone."""

from core.modules import PARTNER, READERS, Permission

PERMISSIONS = {
    "catalog:read": Permission("see products", (*READERS, PARTNER)),
    "catalog:write": Permission("create and change products"),
}
