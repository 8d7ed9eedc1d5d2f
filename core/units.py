"""Units of a product: how far its own may be divided, and others, so many of which are exactly so many of the own. Never rounded."""

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from core.money import SCALE

MOST_DECIMALS = SCALE
"""How many decimals quantities of a unit may have at most, and have where nobody says otherwise."""


def too_fine(quantity: Decimal, decimals: int) -> bool:
    """Whether a quantity, of six decimals at most, has more than those of its unit may have: a part of a piece, where they are
    whole.
    """
    return decimals < MOST_DECIMALS and (Fraction(quantity) * 10**decimals).denominator != 1


def counted_in(unit: str, decimals: int) -> str:
    """How a unit is counted, as words that follow the name of what is counted."""
    if not decimals:
        return f"is counted in whole {unit}"
    return f"is counted in {unit} with at most {decimals} decimal{'s' if decimals > 1 else ''}"


class OtherUnit(NamedTuple):
    """A unit besides the product's own: ``quantity`` of it are ``base`` of the own ones."""

    code: str
    quantity: Decimal
    base: Decimal
    barcode: str | None = None

    @property
    def factor(self) -> Fraction:
        """How many of the product's own units one of it is."""
        return Fraction(self.base) / Fraction(self.quantity)

    def kept(self) -> dict[str, str | None]:
        """It as it is stored: numbers as text."""
        return {"code": self.code, "quantity": f"{self.quantity:f}", "base": f"{self.base:f}", "barcode": self.barcode}


def others_of(stored: str | None) -> list[OtherUnit]:
    """The other units that a product's row has: a list of what ``kept`` made, as JSON."""
    return [
        OtherUnit(each["code"], Decimal(each["quantity"]), Decimal(each["base"]), each["barcode"])
        for each in (json.loads(stored) if stored else ())
    ]


def factor(own: str, stored: str | None, unit: str | None) -> Fraction | None:
    """How many of a product's own units one of a unit is; None for a unit that it doesn't have."""
    if unit in (None, own):
        return Fraction(1)
    return next((each.factor for each in others_of(stored) if each.code == unit), None)


def exact(value: Fraction) -> Decimal | None:
    """A number with at most six decimals; None for one that has more."""
    if (value * 10**SCALE).denominator != 1:
        return None
    with localcontext(prec=10 * SCALE):
        return Decimal(value.numerator) / Decimal(value.denominator)
