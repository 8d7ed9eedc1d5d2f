"""Units as exact rational factors: nothing is ever rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.reordering import wanted
from core.units import OtherUnit, exact, factor, others_of

AMOUNTS = st.decimals("0.000001", 10**6, places=6)
STORED = '[{"code": "carton", "quantity": "1", "base": "12", "barcode": "7"}, {"code": "third", "quantity": "3", "base": "1", "barcode": null}]'


@pytest.mark.parametrize(
    "value,wanted",
    [
        (Fraction(200, 12), None),
        (Fraction(1, 3), None),
        (Fraction(1, 10**7), None),
        (Fraction(1, 10**6), "0.000001"),
        (Fraction(99999999999999999999, 10**6), "99999999999999.999999"),
        (Fraction(24), "24"),
        (Fraction(5, 2), "2.5"),
    ],
)
def test_a_number_of_six_decimals_or_none(value: Fraction, wanted: str | None) -> None:
    assert str(exact(value)) == str(wanted)


def test_what_is_stored_is_read_again() -> None:
    units = others_of(STORED)
    assert units == [OtherUnit("carton", Decimal(1), Decimal(12), "7"), OtherUnit("third", Decimal(3), Decimal(1))]
    assert [each.kept() for each in units][1] == {"code": "third", "quantity": "3", "base": "1", "barcode": None}
    assert others_of(None) == []
    assert [factor("pcs", STORED, each) for each in (None, "pcs", "carton", "third", "pallet")] == [
        *(1, 1, 12, Fraction(1, 3), None)
    ]


@settings(max_examples=200, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_there_and_back_is_the_same(quantity: Decimal, many: Decimal, base: Decimal) -> None:
    one = OtherUnit("x", many, base).factor
    found = exact(Fraction(quantity) * one)
    assume(found is not None)
    assert found is not None
    assert exact(Fraction(found) / one) == quantity


def row(**given: object) -> dict[str, object]:
    numbers = {"projected": Decimal(3), "target": Decimal(50), "minimum": Decimal(0), "multiple": Decimal(1)}
    named = {"own_unit": "pcs", "units": STORED, "unit": "carton", "supplier_id": "S", "price": Decimal(9)}
    return numbers | named | {"currency": "EUR"} | given


@pytest.mark.parametrize(
    "given,found",
    [
        ({}, ("4", "carton", "48", None)),
        ({"target": Decimal(51)}, ("4", "carton", "48", None)),
        ({"target": Decimal("51.1")}, ("5", "carton", "60", None)),
        ({"minimum": Decimal(6)}, ("6", "carton", "72", None)),
        ({"multiple": Decimal(5)}, ("5", "carton", "60", None)),
        ({"multiple": Decimal("0.5"), "target": Decimal(9)}, ("0.5", "carton", "6", None)),
        ({"unit": "pcs"}, ("47", "pcs", "47", None)),
        ({"unit": "third", "multiple": Decimal(3)}, ("141", "third", "47", None)),
        # One third of a piece can't be kept, nor can what a unit was that is there no longer.
        ({"unit": "third", "target": Decimal("3.1")}, ("0.1", "pcs", "0.1", "NO_UNIT")),
        ({"unit": "pallet"}, ("47", "pcs", "47", "NO_UNIT")),
        ({"price": None}, ("4", "carton", "48", "NO_PRICE")),
        ({"target": Decimal(10) ** 14}, ("8333333333334", "carton", "100000000000008", "TOO_MUCH")),
    ],
)
def test_what_is_ordered_again_is_in_the_suppliers_unit(
    given: dict[str, object], found: tuple[str | None, ...]
) -> None:
    each = wanted(row(**given))
    assert (f"{each.quantity:f}", each.unit, f"{each.base:f}", each.problem and each.problem.name) == found
