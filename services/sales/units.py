"""Lines of orders in other units than their product's own: how many of its own they are, and what one of the unit costs."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from core.money import decimal_text
from core.problems import Problems
from core.units import exact, factor
from services.catalog import ProductSnapshot
from services.catalog.units import converted
from services.sales.commands import LineChange, LineItem
from services.sales.orders import Line


class InUnit(NamedTuple):
    """So many of a unit that isn't the product's own."""

    unit: str
    quantity: Decimal

    def recorded(self) -> dict[str, Any]:
        """As an event records it."""
        return {"unit": self.unit, "unitQuantity": self.quantity}


def own_quantities(
    given: Sequence[LineItem], items: Sequence[ProductSnapshot | None], problems: Problems
) -> list[Decimal | None]:
    """How many of its product's own unit each line is of. None for a product that isn't there, and where it can't be said: a problem is
    noted for that.
    """
    return [
        None if item is None else converted(item, line.quantity, line.unit, problems, "lineItems", index)
        for index, (line, item) in enumerate(zip(given, items, strict=True))
    ]


def in_unit(item: ProductSnapshot, given: LineItem | LineChange) -> InUnit | None:
    """What an input is counted in, if it isn't the product's own unit."""
    return None if given.unit in (None, item.unit) else InUnit(given.unit or "", given.quantity)


def price_of(
    item: ProductSnapshot, own: Decimal, unit: str | None, problems: Problems, *path: str | int
) -> Decimal | None:
    """What one of a unit costs by the price of one of the product's own. None, and a problem noted, where that doesn't come out
    exactly; a unit that the product doesn't have is reported at the quantity.
    """
    one = factor(item.unit, item.units, unit)
    if one is None or one == 1:
        return own if one else None
    found = exact(Fraction(own) * one)
    if found is None:
        said = f"At {decimal_text(own)} for one {item.unit} of {item.sku}, one {unit} doesn't come out exactly"
        problems.invalid(f"{said}, to six decimals: give its price.", *path, "unitPrice")
    return found


def changed_quantity(
    each: LineChange, line: Line, there: Any, problems: Problems, index: int
) -> tuple[Decimal, InUnit | None] | None:
    """How many a line that is there is to be of, in its product's own unit, and in what it was ordered in where that is another. Its
    ratio is the one that it was ordered by. None, and a problem noted, where a change names another unit or none, or doesn't come out
    exactly.
    """
    kept, path = there["unit"], ("changes", index)
    if each.unit not in (None, line.unit, kept):
        known = line.unit if kept is None else f"{kept} or {line.unit}"
        problems.invalid(f"This line is changed in {known}: add another one for {each.unit}.", *path, "unit")
        return None
    if kept is None or not each.quantity:
        return each.quantity, None
    if each.unit is None:
        problems.invalid(
            f"This line was ordered in {kept}: say whether so many {kept} or {line.unit} are meant.", *path, "unit"
        )
        return None
    one = Fraction(line.quantity) / Fraction(there["unit_quantity"])
    counted: Decimal | None = each.quantity
    own: Decimal | None = each.quantity
    if each.unit == kept:
        own = exact(Fraction(each.quantity) * one)
    else:
        counted = exact(Fraction(each.quantity) / one)
    if counted is None or own is None:
        other = line.unit if each.unit == kept else kept
        message = f"{decimal_text(each.quantity)} {each.unit} of {line.sku} don't come out exactly in {other}, to six decimals."
        problems.invalid(message, *path, "quantity")
        return None
    if each.unit != kept and each.unit_price is not None:
        problems.invalid(f"This line is priced by the {kept}: give its quantity in {kept} as well.", *path, "unitPrice")
    return own, InUnit(kept, counted)
