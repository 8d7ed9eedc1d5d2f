"""Amounts and quantities: rounded half up, and written exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money

STORED = st.decimals(0, Decimal(10) ** 14 - 1, places=6, allow_nan=False)


@pytest.mark.parametrize(
    "amount, currency, rounded",
    [
        ("0.005", "EUR", "0.01"),
        ("0.015", "EUR", "0.02"),
        ("2.675", "EUR", "2.68"),
        ("-0.005", "EUR", "-0.01"),
        ("0.004999", "EUR", "0.00"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "3"),
        ("0.0005", "KWD", "0.001"),
        ("1.00005", "CLF", "1.0001"),
    ],
)
def test_totals_are_rounded_half_up(amount: str, currency: str, rounded: str) -> None:
    assert str(money.round_total(Decimal(amount), currency)) == rounded


@pytest.mark.parametrize(
    "currency, total, price",
    [("EUR", "12.50", "12.50"), ("JPY", "12", "12.5"), ("KWD", "12.500", "12.500"), ("CLF", "12.5000", "12.5000")],
)
def test_each_currency_has_its_digits(currency: str, total: str, price: str) -> None:
    assert money.total_texts(["12.500000", None], [currency, currency]) == [total, None]
    assert money.price_texts(["12.500000", None], [currency, currency]) == [price, None]


def test_a_column_of_several_currencies() -> None:
    texts, currencies = ["1.500000", None, "2.000000", "3.100000"], ["EUR", "EUR", "JPY", "KWD"]
    assert money.total_texts(texts, currencies) == ["1.50", None, "2", "3.100"]
    assert money.price_texts(texts, currencies) == ["1.50", None, "2", "3.100"]
    assert money.total_texts([], []) == money.price_texts([], []) == []


@pytest.mark.parametrize(
    "stored, price",
    [
        ("0.000000", "0.00"),
        ("1.000000", "1.00"),
        ("1.234560", "1.23456"),
        ("1.200001", "1.200001"),
        ("-1.500000", "-1.50"),
    ],
)
def test_prices_keep_what_is_beyond_the_minor_digits(stored: str, price: str) -> None:
    assert money.price_texts([stored], ["EUR"]) == [price]


@given(values=st.lists(st.tuples(STORED, st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))))
def test_text_is_the_same_number(values: list[tuple[Decimal, str]]) -> None:
    prices, currencies = [value for value, _ in values], [currency for _, currency in values]
    totals = [money.round_total(value, currency) for value, currency in values]
    written = money.price_texts([f"{value:.6f}" for value in prices], currencies)
    assert [Decimal(str(text)) for text in written] == prices
    written = money.total_texts([f"{value:.6f}" for value in totals], currencies)
    assert [Decimal(str(text)) for text in written] == totals
    assert [len(str(text).partition(".")[2]) for text in written] == [money.digits(each) for each in currencies]


@given(
    quantity=STORED,
    price=STORED,
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
)
def test_a_line_costs_the_exact_product_rounded_once(quantity: Decimal, price: Decimal, currency: str) -> None:
    digits = money.digits(currency)
    total = money.line_total(quantity, price, currency)
    assert -total.as_tuple().exponent == digits  # type: ignore[operator]  # finite, so its exponent is a number
    # In whole numbers, which round nothing: half of the last digit is as far as it may be, and half goes up.
    exact, unit = int(quantity.scaleb(6)) * int(price.scaleb(6)), 10 ** (12 - digits)
    assert int(str(total).replace(".", "")) == (exact + unit // 2) // unit


def test_the_largest_line_loses_nothing() -> None:
    most = Decimal("99999999999999.999999")
    assert money.line_total(most, most, "CLF") == Decimal("9999999999999999999800000000.0000")


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_decimals_are_written_plainly(value: Decimal) -> None:
    text = money.decimal_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


def test_currencies() -> None:
    assert {"EUR", "JPY", "KWD", "USD"} < money.CURRENCIES
    assert not {"XXX", "XTS", "XAU", "eur", ""} & money.CURRENCIES
    assert all(len(code) == 3 and code.isupper() and code.isascii() for code in money.CURRENCIES)
    assert {money.digits(code) for code in money.CURRENCIES} == {0, 2, 3, 4}
