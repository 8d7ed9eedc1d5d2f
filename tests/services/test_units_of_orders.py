"""What a line in another unit is of and comes to: by fractions, and refused just where these have more than six decimals."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import new_id
from core.money import LIMIT, digits, line_total
from core.problems import Problems
from core.units import OtherUnit
from services.catalog import ProductRef, ProductSnapshot
from services.sales.commands import LineChange, LineItem
from services.sales.orders import Line
from services.sales.units import InUnit, changed_quantity, own_quantities, price_of

AMOUNTS = st.one_of(st.decimals("0.000001", 10**6, places=6), st.integers(1, 1000).map(Decimal))
CURRENCIES = st.sampled_from(("EUR", "JPY", "KWD"))


def in_boxes(quantity: Decimal, base: Decimal) -> ProductSnapshot:
    units = OtherUnit("box", quantity, base).kept()
    stored = str([units]).replace("'", '"').replace("None", "null")
    return ProductSnapshot(new_id(), "P", None, "Thing", "pcs", True, Decimal(1), "EUR", units=stored)


def fits(value: Fraction) -> bool:
    return (value * 10**6).denominator == 1


def paths(problems: Problems) -> list[str]:
    return [".".join(map(str, each.path[1:])) for each in problems.found]


@settings(max_examples=400, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, CURRENCIES)
def test_quantities_and_prices_are_what_fractions_say(
    per: Decimal, base: Decimal, quantity: Decimal, own_price: Decimal, currency: str
) -> None:
    item, one, problems = in_boxes(per, base), Fraction(base) / Fraction(per), Problems()
    line = LineItem.model_construct(product=ProductRef(sku="P"), quantity=quantity, unit="box")
    [own] = own_quantities([line], [item], problems)
    expected = Fraction(quantity) * one
    stored = fits(expected) and expected < LIMIT
    assert own == (Decimal(expected.numerator) / Decimal(expected.denominator) if stored else None)
    assert paths(problems) == ([] if stored else ["lineItems.0.quantity"])
    problems = Problems()
    price = price_of(item, own_price, "box", problems, "lineItems", 0)
    assert (price is None) == (not fits(Fraction(own_price) * one)) == bool(problems)
    assert paths(problems) == (["lineItems.0.unitPrice"] if price is None else [])
    if price is None or own is None:
        return
    # So many boxes at the box's price are so many pieces at the piece's, before anything is rounded.
    assert Fraction(price) * Fraction(quantity) == Fraction(own) * Fraction(own_price)
    total = line_total(quantity, price, currency)
    assert total == line_total(own, own_price, currency)
    exactly = Fraction(quantity) * Fraction(price) * 10 ** digits(currency)
    assert Fraction(total) * 10 ** digits(currency) == (2 * exactly + 1) // 2


@settings(max_examples=400, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(("box", "pcs")))
def test_a_change_keeps_the_ratio_or_is_refused(counted: Decimal, own: Decimal, quantity: Decimal, unit: str) -> None:
    """The line is ``counted`` boxes, which are ``own`` pieces."""
    line = Line(new_id(), 1, new_id(), "P", "pcs", own)
    there: dict[str, Any] = {"unit": "box", "unit_quantity": counted}
    one, problems = Fraction(own) / Fraction(counted), Problems()
    each = LineChange.model_construct(line_item=line.id, quantity=quantity, unit=unit, unit_price=None)
    found = changed_quantity(each, line, there, problems, 0)
    boxes = Fraction(quantity) if unit == "box" else Fraction(quantity) / one
    if not fits(boxes) or not fits(boxes * one):
        assert found is None
        assert paths(problems) == ["changes.0.quantity"]
        return
    assert problems.found == []
    assert found is not None
    assert found[1] is not None
    assert (Fraction(found[0]), found[1].unit, Fraction(found[1].quantity)) == (boxes * one, "box", boxes)


def test_a_line_in_its_own_unit_is_counted_as_it_is() -> None:
    item = in_boxes(Decimal(1), Decimal(12))
    given = [
        LineItem.model_construct(product=ProductRef(sku="P"), quantity=Decimal("1.5"), unit=unit)
        for unit in (None, "pcs", "box")
    ]
    assert own_quantities(given, [item, item, None], Problems()) == [Decimal("1.5"), Decimal("1.5"), None]
    assert InUnit("box", Decimal(2)).recorded() == {"unit": "box", "unitQuantity": Decimal(2)}
