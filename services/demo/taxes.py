"""Taxes as a shop and a wholesaler have them, and the groups of partners for which others take their places.

No product has one yet, and so no order: the tour gives them some.
"""

from typing import NamedTuple

from services.demo.companies import Company
from services.demo.seed import FOUNDED, Seed, moment

TAX_COLUMNS = (
    *("tenant_id", "id", "code", "name", "category", "rate", "reverse_rate", "exemption_code", "exemption_reason"),
    *("created_at", "updated_at"),
)
GROUP_COLUMNS = ("tenant_id", "id", "code", "name", "created_at", "updated_at")
SUBSTITUTION_COLUMNS = ("tenant_id", "id", "tax_group_id", "position", "from_tax_id", "to_tax_id", "created_at")

Row = tuple[object, ...]


class Rate(NamedTuple):
    """A tax of the demo."""

    code: str
    name: str
    category: str
    rate: str
    reverse_rate: str | None = None
    exemption_code: str | None = None
    exemption_reason: str | None = None


RATES = {
    "DE": (Rate("VAT-19", "VAT 19 %", "S", "19"), Rate("VAT-7", "VAT 7 %", "S", "7")),
    "GB": (Rate("VAT-20", "VAT 20 %", "S", "20"), Rate("VAT-0", "VAT 0 %", "Z", "0")),
}
ABROAD = {
    "EU-B2B": Rate("INTRA-EU", "Intra-Community supply", "K", "0", "19", "VATEX-EU-IC", "Intra-Community supply"),
    "EXPORT": Rate("EXPORT", "Export outside the EU", "G", "0", None, "VATEX-EU-G", "Export outside the EU"),
}
NAMES = {"EU-B2B": "Businesses in other countries of the EU", "EXPORT": "Partners abroad"}
GROUPS = {"DE": ("EU-B2B", "EXPORT"), "GB": ("EXPORT",)}


class Taxes(NamedTuple):
    """A company's rows, in the order in which they refer to each other."""

    taxes: list[Row]
    groups: list[Row]
    substitutions: list[Row]


def taxes(company: Company, tenant: str) -> Taxes:
    """What a company of this country has. In each group one tax takes the place of any."""
    seed, at, names = Seed(f"{company.name} taxes"), moment(FOUNDED), GROUPS[company.home]
    facts = (*RATES[company.home], *(ABROAD[name] for name in names))
    rates = {rate.code: seed.id(FOUNDED) for rate in facts}
    groups = {name: seed.id(FOUNDED) for name in names}
    return Taxes(
        [(tenant, rates[rate.code], *rate, at, at) for rate in facts],
        [(tenant, group, name, NAMES[name], at, at) for name, group in groups.items()],
        [(tenant, seed.id(FOUNDED), group, 1, None, rates[ABROAD[name].code], at) for name, group in groups.items()],
    )
