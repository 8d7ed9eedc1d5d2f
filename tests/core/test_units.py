"""Units as exact rational factors: nothing is ever rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.reordering import wanted
from core.units import MOST_DECIMALS, OtherUnit, counted_in, exact, factor, others_of, too_fine

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
@given(st.decimals(0, 10**14, places=6), st.integers(0, MOST_DECIMALS))
def test_a_quantity_has_no_more_decimals_than_its_unit(quantity: Decimal, decimals: int) -> None:
    assert too_fine(quantity, decimals) == (quantity != round(quantity, decimals))
    assert not too_fine(quantity, MOST_DECIMALS)


@pytest.mark.parametrize(
    "quantity,decimals,fine",
    [
        *(("1", 0, False), ("1.000000", 0, False), ("1E+2", 0, False), ("-3", 0, False), ("0", 0, False)),
        *(("0.5", 0, True), ("-0.5", 0, True), ("0.000001", 5, True), ("1.25", 1, True), ("1.2", 1, False)),
        *(("99999999999999.999999", 0, True), ("100000000000000000000000", 0, False)),
    ],
)
def test_a_part_of_a_piece_is_too_fine(quantity: str, decimals: int, fine: bool) -> None:
    assert too_fine(Decimal(quantity), decimals) == fine


def test_how_a_unit_is_counted() -> None:
    assert [counted_in("pcs", decimals) for decimals in (0, 1, 3)] == [
        "is counted in whole pcs",
        "is counted in pcs with at most 1 decimal",
        "is counted in pcs with at most 3 decimals",
    ]


@settings(max_examples=200, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_there_and_back_is_the_same(quantity: Decimal, many: Decimal, base: Decimal) -> None:
    one = OtherUnit("x", many, base).factor
    found = exact(Fraction(quantity) * one)
    assume(found is not None)
    assert found is not None
    assert exact(Fraction(found) / one) == quantity


LISTED: dict[str, object] = {"listed": Decimal("0.5"), "list_currency": "USD"}


def row(**given: object) -> dict[str, object]:
    numbers = {"projected": Decimal(3), "target": Decimal(50), "minimum": Decimal(0), "multiple": Decimal(1)}
    named = {
        "own_unit": "pcs",
        "units": STORED,
        "unit": "carton",
        "supplier_id": "S",
        "price": Decimal(9),
        "listed": None,
    }
    return numbers | named | {"currency": "EUR", "decimals": MOST_DECIMALS} | given


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
        # Nor can half a piece, where pieces are whole.
        ({"unit": "pcs", "multiple": Decimal("0.5"), "target": Decimal("50.2")}, ("47.5", "pcs", "47.5", None)),
        ({"unit": "pcs", "multiple": Decimal("9.5"), "decimals": 0}, ("47", "pcs", "47", "NO_UNIT")),
        ({"unit": "pcs", "multiple": Decimal("9.4"), "decimals": 0}, ("47.0", "pcs", "47", None)),
        ({"price": None}, ("4", "carton", "48", "NO_PRICE")),
        # By a list a piece costs so much. What doesn't come out for a third of one is no price, whatever the terms say.
        ({"price": None, **LISTED}, ("4", "carton", "48", None)),
        ({"unit": "third", "multiple": Decimal(3), **LISTED}, ("141", "third", "47", "NO_PRICE")),
        ({"target": Decimal(10) ** 14}, ("8333333333334", "carton", "100000000000008", "TOO_MUCH")),
    ],
)
def test_what_is_ordered_again_is_in_the_suppliers_unit(
    given: dict[str, object], found: tuple[str | None, ...]
) -> None:
    each = wanted(row(**given))
    assert (f"{each.quantity:f}", each.unit, f"{each.base:f}", each.problem and each.problem.name) == found
