"""What partners are."""

from enum import auto

from core.choices import Choice
from core.modules import PARTNER, READERS, Permission

PERMISSIONS = {
    "partners:read": Permission("see partners", (*READERS, PARTNER)),
    "partners:write": Permission("create and change partners", ("clerk",)),
}


class PartnerKind(Choice):
    """What a partner is to the tenant."""

    CUSTOMER = auto(), "Orders from the tenant: only partners of this kind can have orders."
    SUPPLIER = auto(), "Delivers to the tenant."
