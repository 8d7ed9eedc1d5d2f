"""Taxes as a shop and a wholesaler have them, the groups of partners for which others take their places, and the price lists.

Categories have the taxes of their products. Orders bear them since October 2026; those of before were imported without.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from core.taxes import Kind, Totals, totals, with_tax
from services.demo.companies import Company
from services.demo.seed import FOUNDED, Seed, moment, seconds

TAX_COLUMNS = (
    *("tenant_id", "id", "code", "name", "category", "rate", "reverse_rate", "exemption_code", "exemption_reason"),
    *("created_at", "updated_at"),
)
GROUP_COLUMNS = ("tenant_id", "id", "code", "name", "created_at", "updated_at")
LIST_COLUMNS = ("tenant_id", "id", "code", "name", "currency", "tax_included", "created_at", "updated_at")
PRICE_COLUMNS = (
    *("tenant_id", "id", "price_list_id", "product_id", "minimum", "currency", "amount", "valid_from", "valid_to"),
    "created_at",
)
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
    "DE": (
        Rate("VAT-19", "VAT 19 %", "S", "19"),
        Rate("VAT-7", "VAT 7 %", "S", "7"),
        Rate("EXEMPT", "Exempt from VAT", "E", "0", None, None, "Exempt under section 4 of the VAT act (UStG)"),
    ),
    "GB": (
        Rate("VAT-20", "VAT 20 %", "S", "20"),
        Rate("VAT-0", "VAT 0 %", "Z", "0"),
        Rate("EXEMPT", "Exempt from VAT", "E", "0", None, None, "Exempt under schedule 9 of the VAT act 1994"),
    ),
}
"""The first is what most goods bear, the second what ``REDUCED`` do, the last nothing of its own: lines name it."""
REDUCED = frozenset({"SED", "GLO", "GOG"})
ABROAD = {
    "EU-B2B": Rate("INTRA-EU", "Intra-Community supply", "K", "0", "19", "VATEX-EU-IC", "Intra-Community supply"),
    "EXPORT": Rate("EXPORT", "Export outside the EU", "G", "0", None, "VATEX-EU-G", "Export outside the EU"),
}
NAMES = {"EU-B2B": "Businesses in other countries of the EU", "EXPORT": "Partners abroad"}
GROUPS = {"DE": ("EU-B2B", "EXPORT"), "GB": ("EXPORT",)}
UNION = frozenset("AT DE ES FR GR IT NL PL SE".split())
"""Countries of the EU that partners come from."""

SINCE = seconds(2026, 10, 1)
"""Orders bear taxes from here on."""

BREAKS = ((Decimal(10), Decimal("0.9")), (Decimal(50), Decimal("0.8")))
"""From how many on businesses in other countries of the EU pay which part of the price."""


class Borne(NamedTuple):
    """A tax, as a line bears it."""

    id: str
    kind: Kind


class Terms(NamedTuple):
    """How a partner buys: the codes of its tax group and price list; None for none. ``gross``: at prices with tax."""

    group: str | None = None
    price_list: str | None = None
    gross: bool = False


class Taxes(NamedTuple):
    """A company's rows, in the order in which they refer to each other, and what is referred to by its code."""

    taxes: list[Row]
    groups: list[Row]
    substitutions: list[Row]
    lists: list[Row]
    borne: Mapping[str, Borne]
    ids: Mapping[str, str]
    usual: tuple[str, str]

    def of(self, goods: str) -> str:
        """The code of the tax of a kind of goods."""
        return self.usual[goods in REDUCED]

    def worth(
        self, lines: Sequence[tuple[str, Decimal]], terms: Terms, currency: str, *, exempt: bool
    ) -> tuple[list[Borne], Totals]:
        """What the lines of an order bear, each given as the code of its product's tax and its total, and what they come to.
        ``exempt``: the last one bears no tax.
        """
        instead = terms.group and ABROAD[terms.group].code
        borne = [self.borne[instead or code] for code, _ in lines]
        if exempt:
            borne[-1] = self.borne["EXEMPT"]
        kinds = [(total, tax.kind) for tax, (_, total) in zip(borne, lines, strict=True)]
        return borne, totals(kinds, currency, included=terms.gross)


def taxes(company: Company, tenant: str) -> Taxes:
    """What a company of this country has. In each group one tax takes the place of any."""
    seed, at, names = Seed(f"{company.name} taxes"), moment(FOUNDED), GROUPS[company.home]
    own = RATES[company.home]
    facts = (*own[:2], *(ABROAD[name] for name in names), *own[2:])
    rates = {rate.code: seed.id(FOUNDED) for rate in facts}
    groups = {name: seed.id(FOUNDED) for name in names}
    chains: list[Row] = [
        (tenant, seed.id(FOUNDED), group, 1, None, rates[ABROAD[name].code], at) for name, group in groups.items()
    ]
    kept = {"SHELF": ("Prices for people, with tax", True), "TRADE": ("Prices for businesses in the EU", False)}
    lists = {code: seed.id(FOUNDED) for code in kept} if company.retail else {}
    return Taxes(
        [(tenant, rates[rate.code], *rate, at, at) for rate in facts],
        [(tenant, group, name, NAMES[name], at, at) for name, group in groups.items()],
        chains,
        [(tenant, each, code, kept[code][0], company.currency, kept[code][1], at, at) for code, each in lists.items()],
        {rate.code: Borne(rates[rate.code], Kind(rate.category, Decimal(rate.rate))) for rate in facts},
        groups | lists,
        (own[0].code, own[1].code),
    )


def terms(company: Company, country: str, *, firm: bool, trader: bool) -> Terms:
    """How a partner buys. Businesses in the EU have shown their numbers, as have ``trader``s, who work under their own names; other
    people pay the tax of the shop, and goods for partners farther away are exported.
    """
    if country == company.home:
        group = None
    elif company.home in UNION and country in UNION:
        group = "EU-B2B" if firm or trader else None
    else:
        group = "EXPORT"
    if not company.retail or group == "EXPORT":
        return Terms(group)
    return Terms(group, "TRADE" if group else None) if firm or group else Terms(None, "SHELF", gross=True)


def shelf(price: Decimal, rate: Decimal) -> Decimal:
    """A price with tax, as the shop writes it."""
    return with_tax(price, rate, 2)


def prices(company: Company, tenant: str, rates: Taxes, items: Sequence[Any], priced: Sequence[bool]) -> Iterator[Row]:
    """The entries of the lists, for products that have a price."""
    seed, at = Seed(f"{company.name} prices"), moment(FOUNDED)
    for item, has_price in zip(items, priced, strict=True):
        if not rates.lists or not has_price:
            continue
        entries = [("SHELF", Decimal(1), shelf(item.price, rates.borne[item.tax].kind.rate))]
        entries += [("TRADE", minimum, (item.price * part).quantize(Decimal("0.01"))) for minimum, part in BREAKS]
        for code, minimum, amount in entries:
            whose = (rates.ids[code], item.id, minimum, company.currency, amount, None, None, at)
            yield tenant, seed.id(FOUNDED), *whose
