"""What partners are."""

from enum import auto

from core.choices import Choice


class PartnerKind(Choice):
    """What a partner is to the tenant."""

    CUSTOMER = auto(), "Orders from the tenant: orders are made for partners of this kind only."
    SUPPLIER = auto(), "Delivers to the tenant."
