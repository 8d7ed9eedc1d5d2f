"""Units that a product is bought in besides its own, such as a carton of twelve."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

import orjson

from core.money import LIMIT, decimal_text
from core.problems import Problems
from core.units import OtherUnit, exact, factor, others_of
from services.kit.command import Input, Label, Quantity, Unit
from services.kit.records import Merge

MAX_UNITS = 20
"""Other units of a product: they are kept in its row, which whoever looks at it reads."""


class ProductUnit(Input):
    """A unit that a product is bought in besides its own. So many of it are exactly so many of the product's own."""

    code: Unit
    """Its name, such as carton; unique in the product."""
    quantity: Quantity = Decimal(1)
    """How many of this unit; more than zero."""
    base: Quantity
    """How many of the product's own units they are; more than zero."""
    barcode: Label | None = None
    """The code on this package; null for none."""


class Counted(Protocol):
    """Something that is counted in its own unit, and in others."""

    @property
    def sku(self) -> str:
        """What people call it."""
        ...

    @property
    def unit(self) -> str:
        """Its own unit."""
        ...

    @property
    def units(self) -> str | None:
        """The others, as its row has them."""
        ...


def merged(given: Sequence[ProductUnit], own: str | None) -> tuple[Merge, Merge]:
    """What makes the columns ``unit`` and ``units``, in this order. ``own``: the unit that is given; None to keep it."""
    named: list[str] = []

    def unit(there: str | None) -> str:
        named.append(own or there or "pcs")
        return named[-1]

    def others(stored: str | None) -> str | None:
        problems = Problems()
        for index, each in enumerate(given):
            if each.code == named[-1]:
                problems.invalid(
                    f"The product is counted in {each.code} already: that is its own unit.", "units", index, "code"
                )
            elif each.code in [other.code for other in given[:index]]:
                problems.invalid(f"The unit {each.code} is named twice.", "units", index, "code")
        problems.check()
        new = [OtherUnit(each.code, each.quantity, each.base, each.barcode) for each in given]
        if others_of(stored) == new:
            return stored
        return orjson.dumps([each.kept() for each in new]).decode() if new else None

    return unit, others


def converted(
    item: Counted,
    quantity: Decimal,
    unit: str | None,
    problems: Problems,
    *path: str | int,
    one: Fraction | None = None,
) -> Decimal | None:
    """So many of a unit in the product's own. None, and a problem noted under ``path``, for a unit that the product doesn't have,
    and for a number that doesn't come out exactly. ``one``: how many one of the unit is, where a document says it.
    """
    if unit in (None, item.unit):
        return quantity
    one = one or factor(item.unit, item.units, unit)
    if one is None:
        known = ", ".join((item.unit, *(each.code for each in others_of(item.units))))
        problems.invalid(f"{item.sku} has no unit {unit}: it has {known}.", *path, "unit")
        return None
    found = exact(Fraction(quantity) * one)
    if found is None:
        said = f"{decimal_text(quantity)} {unit} of {item.sku}"
        problems.invalid(f"{said} don't come out exactly in {item.unit}, to six decimals.", *path, "quantity")
    elif found >= LIMIT:
        problems.invalid(f"This is too much: at most 14 digits before the point in {item.unit}.", *path, "quantity")
        return None
    return found
