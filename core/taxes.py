"""Taxes: the kinds that there are and what each demands, which one a line bears, and what the lines of a document come to.

EN 16931's rules: tax is worked out once for all lines of a document that bear the same category and rate, and rounded there.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from enum import auto
from typing import NamedTuple
from uuid import UUID

from core.choices import Choice
from core.money import SCALE, digits, round_total
from core.problems import Problems

SUBJECTS = {"tax": "tax", "tax_group": "txg"}
HUNDRED, ZERO = Decimal(100), Decimal(0)
_PRECISION = 4 * SCALE + 40


class TaxCategory(Choice):
    """UNTDID 5305, as EN 16931 uses it."""

    S = auto(), "Taxed at a rate."
    Z = auto(), "Taxed at a rate of zero."
    E = auto(), "Exempt from tax."
    AE = auto(), "Reverse charge: the buyer owes the tax."
    K = auto(), "Supply within the EU to a business."
    G = auto(), "Export out of the EU."
    O = auto(), "Not subject to the tax."  # noqa: E741 - the code list's name
    L = auto(), "The Canary Islands' tax (IGIC), at a rate."
    M = auto(), "The tax of Ceuta and Melilla (IPSI), at a rate."


REASONED = frozenset({"E", "AE", "K", "G", "O"})
"""Categories without tax, of which an invoice says why (BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10). The others say nothing
(BR-S-10, BR-Z-10, BR-AF-10, BR-AG-10)."""

REVERSED = frozenset({"AE", "K"})
"""Categories of which the buyer owes the tax."""

_ANY_RATE = frozenset({"L", "M"})


class TaxFacts(NamedTuple):
    """What a tax says of itself."""

    category: str
    rate: Decimal
    reverse_rate: Decimal | None = None
    exemption_code: str | None = None
    exemption_reason: str | None = None


def check_tax(tax: TaxFacts, problems: Problems) -> None:
    """Note what of a tax its category forbids or misses."""
    category = tax.category
    if category == "S" and not tax.rate:
        problems.invalid("A tax of category S has a rate above zero; one of zero is of category Z.", "rate")
    if category not in {"S", *_ANY_RATE} and tax.rate:
        problems.invalid(f"A tax of category {category} has the rate 0.", "rate")
    if category in REASONED and tax.exemption_reason is None:
        problems.invalid(f"A tax of category {category} needs the reason that invoices give.", "exemptionReason")
    if category not in REASONED:
        for path, value in (("exemptionReason", tax.exemption_reason), ("exemptionCode", tax.exemption_code)):
            if value is not None:
                problems.invalid(f"A tax of category {category} has no exemption.", path)
    if tax.reverse_rate is not None and category not in REVERSED:
        problems.invalid("Only of AE and K does the buyer owe the tax.", "reverseRate")


def borne(own: UUID | None, substitutions: Mapping[UUID | None, UUID]) -> UUID | None:
    """The tax that a line bears whose product has ``own``, for a partner with these substitutions: the one for that tax, else the
    one for any (None), else its own. They don't chain. A product without a tax has none for anybody.
    """
    if own is None:
        return None
    return substitutions.get(own) or substitutions.get(None) or own


def go_together(categories: Iterable[str]) -> bool:
    """Whether lines of these categories may be in one document. What isn't subject to VAT stands alone (BR-O-11, BR-O-12); lines
    without any tax are of no category.
    """
    found = set(categories)
    return "O" not in found or found == {"O"}


class Kind(NamedTuple):
    """What lines are taxed together by."""

    category: str
    rate: Decimal


class TaxSum(NamedTuple):
    """The tax on all lines of a document that bear the same category and rate."""

    category: str
    rate: Decimal
    base: Decimal
    amount: Decimal


class Totals(NamedTuple):
    """What a document comes to: each line before tax, in their order, and the taxes by category and rate."""

    nets: list[Decimal]
    taxes: list[TaxSum]

    @property
    def subtotal(self) -> Decimal:
        """All lines before tax."""
        return sum(self.nets, ZERO)

    @property
    def tax_total(self) -> Decimal:
        """All taxes."""
        return sum((tax.amount for tax in self.taxes), ZERO)


def totals(lines: Iterable[tuple[Decimal, Kind | None]], currency: str, *, included: bool = False) -> Totals:
    """What lines come to, each given as its rounded total and what it bears. ``included``: the totals include tax.

    Of a net document tax is base x rate; of a gross one what of the sum is tax, and the lines before tax add up to the rest:
    the customer pays what the shelf said.
    """
    given = list(lines)
    places: dict[Kind, list[int]] = {}
    for place, (_, kind) in enumerate(given):
        if kind is not None:
            places.setdefault(kind, []).append(place)
    nets = [total for total, _ in given]
    taxes = []
    for kind in sorted(places):
        theirs = [given[place][0] for place in places[kind]]
        tax = tax_sum(kind, sum(theirs, ZERO), currency, included=included)
        if included:
            for place, net in zip(places[kind], _nets(theirs, tax.base, kind.rate, currency), strict=True):
                nets[place] = net
        taxes.append(tax)
    return Totals(nets, taxes)


def tax_sum(kind: Kind, total: Decimal, currency: str, *, included: bool) -> TaxSum:
    """The tax on lines of one kind that come to ``total`` together."""
    with localcontext(prec=_PRECISION):
        amount = round_total(total * kind.rate / (HUNDRED + kind.rate if included else HUNDRED), currency)
    return TaxSum(*kind, total - amount if included else total, amount)


def _nets(totals: Sequence[Decimal], base: Decimal, rate: Decimal, currency: str) -> list[Decimal]:
    """What of each total isn't tax; together the base. The largest line takes what rounding leaves, as far as it stays between 0
    and its total, then the next: 500 lines of a cent leave 80 cents.
    """
    nets = [before_tax(total, rate, digits(currency)) for total in totals]
    left = base - sum(nets, ZERO)
    for place in sorted(range(len(nets)), key=lambda each: (-abs(totals[each]), each)):
        if not left:
            break
        low, high = sorted((ZERO, totals[place]))
        net = min(max(nets[place] + left, low), high)
        left -= net - nets[place]
        nets[place] = net
    return nets


def before_tax(price: Decimal, rate: Decimal, places: int = SCALE) -> Decimal:
    """What of a price that includes tax isn't tax, rounded half up."""
    return _scaled(price, HUNDRED, HUNDRED + rate, places)


def with_tax(price: Decimal, rate: Decimal, places: int = SCALE) -> Decimal:
    """A price with its tax, rounded half up."""
    return _scaled(price, HUNDRED + rate, HUNDRED, places)


def _scaled(price: Decimal, by: Decimal, of: Decimal, places: int) -> Decimal:
    with localcontext(prec=_PRECISION) as context:
        context.rounding = "ROUND_HALF_UP"
        return (price * by / of).quantize(Decimal(1).scaleb(-places))
