"""What concerns products alone."""

from core.modules import PARTNER, READERS, ChangeKind, Permission

PERMISSIONS = {
    "catalog:read": Permission("see products", (*READERS, PARTNER)),
    "catalog:write": Permission("create and change products"),
}
CHANGES = {"PRODUCT": ChangeKind(1, "prod", "Product. Needs catalog:read.")}
SUBJECTS = {"product": "prod"}
