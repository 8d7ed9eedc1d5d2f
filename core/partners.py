"""What partners are."""

from enum import auto

from core.choices import Choice
from core.modules import PARTNER, READERS, ChangeKind, Permission

PERMISSIONS = {
    "partners:read": Permission("see partners", (*READERS, PARTNER)),
    "partners:write": Permission("create and change partners", ("clerk",)),
}
CHANGES = {"PARTNER": ChangeKind(2, "par", "Partner. Needs partners:read.")}
SUBJECTS = {"partner": "par"}


class PartnerKind(Choice):
    """What a partner is to the tenant."""

    CUSTOMER = auto(), "Orders from the tenant: only partners of this kind can have orders."
    SUPPLIER = auto(), "Delivers to the tenant."
