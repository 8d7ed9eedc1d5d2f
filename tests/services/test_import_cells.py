"""Reading one cell: numbers as shops write them, dates, keys."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import LIMIT, round_total
from services.imports.cells import RejectedRow, date_parser, key_parser
from services.imports.cells import amounts_parser as amounts_of
from services.imports.mapping import Dates, Mapping, Numbers
from services.imports.months import MONTHS as LANGUAGES
from services.imports.months import beginnings
from services.imports.numbers import parser, style


def number_parser(numbers: Numbers) -> Callable[[str], Decimal | None]:
    return parser(style(numbers, [], percent=numbers.discount == "percent"))


def amounts_parser(numbers: Numbers, currency: str) -> Callable[[str, str, str], tuple[str, str, str]]:
    """Of quantity, price and discount, as files with these three columns have them."""
    columns = dict.fromkeys(("order", "sku", "quantity", "price", "discount", "date"), "x")
    given = {"currency": currency, "default_customer": "WEB", "columns": columns, "dates": {"timezone": "UTC"}}
    read = amounts_of(Mapping.model_validate({**given, "numbers": numbers}))
    return lambda quantity, price, discount: read(quantity, price, "", "", discount, "", currency, "")[:3]


PLAIN = Numbers()
GERMAN = Numbers(decimal=",", thousands=".", ignore=["€", "EUR"])
SWISS = Numbers(thousands="'")
FRENCH = Numbers(decimal=",", thousands=" ")


@pytest.mark.parametrize(
    "numbers,text,value",
    [
        (PLAIN, "6", "6"),
        (PLAIN, "-6", "-6"),
        (PLAIN, "+6", "6"),
        (PLAIN, "6-", "-6"),
        (PLAIN, " 007.50 ", "7.5"),
        (PLAIN, ".5", "0.5"),
        (PLAIN, "5.", "5"),
        (PLAIN, "0.1234560", "0.123456"),
        (PLAIN, "99999999999999.999999", "99999999999999.999999"),
        (GERMAN, "1.234,56", "1234.56"),
        (GERMAN, "1.234", "1234"),
        (GERMAN, "1234,5", "1234.5"),
        (GERMAN, "-1.234.567", "-1234567"),
        (GERMAN, "€ 12,50", "12.5"),
        (GERMAN, "12,50 EUR", "12.5"),
        (SWISS, "1'234.50", "1234.5"),
        (FRENCH, "1\u202f234,50", "1234.5"),
        (FRENCH, "1\u00a0234,50", "1234.5"),
        (Numbers(discount="percent"), "12.5 %", "12.5"),
        # A dash for no cents was taken for a sign.
        (GERMAN, "12,-", "12"),
        (GERMAN, "€ 1.234,--", "1234"),
        (GERMAN, "-12,- €", "-12"),
        (SWISS, "12.\u2013", "12"),
        (SWISS, "1'250.\u2014", "1250"),
        (PLAIN, "\uff11\uff12\uff0e\uff15", "12.5"),  # full width
        (PLAIN, "\u0663", "3"),
        (GERMAN, "\u0661\u066c\u0662\u0663\u0664\u066b\u0665", "1234.5"),
    ],
)
def test_numbers(numbers: Numbers, text: str, value: str) -> None:
    assert number_parser(numbers)(text) == Decimal(value)


@pytest.mark.parametrize(
    "numbers,text",
    [
        (PLAIN, ""),
        (PLAIN, "."),
        (PLAIN, "-"),
        (PLAIN, "1,50"),
        (PLAIN, "1.234.567"),
        (PLAIN, "1e5"),
        (PLAIN, "-5-"),
        (PLAIN, "--5"),
        (PLAIN, "NaN"),
        (PLAIN, "Infinity"),
        (PLAIN, "1_000"),
        (PLAIN, "\u00b2"),
        (PLAIN, "\u0969"),
        (PLAIN, "\u2013"),
        (PLAIN, ".-"),
        (PLAIN, "5.---"),
        (PLAIN, "5.0-0"),
        (PLAIN, "0.1234567"),
        (PLAIN, "100000000000000"),
        (PLAIN, "9" * 5_000),
        (PLAIN, "5" + " " * 100),
        (PLAIN, "12.50 €"),
        (GERMAN, "1.25"),
        (GERMAN, "1.2345"),
        (GERMAN, "12.34.567"),
        (GERMAN, "1,234,5"),
    ],
)
def test_what_could_mean_something_else_is_no_number(numbers: Numbers, text: str) -> None:
    assert number_parser(numbers)(text) is None


def written(value: Decimal, numbers: Numbers) -> str:
    """The value as the mapping writes it."""
    swap = {",": numbers.thousands, ".": numbers.decimal}
    return "".join(swap.get(sign, sign) for sign in f"{value:,f}")


@given(st.decimals(-LIMIT + 1, LIMIT - 1, places=6), st.sampled_from([GERMAN, SWISS, FRENCH, Numbers(thousands=",")]))
def test_a_number_survives_being_written(value: Decimal, numbers: Numbers) -> None:
    assert number_parser(numbers)(written(value, numbers)) == value


@given(st.text(alphabet="0123456789.,-+ '%€e", max_size=12))
def test_a_number_has_at_most_what_the_database_stores(text: str) -> None:
    for numbers in (PLAIN, GERMAN, SWISS, FRENCH):
        value = number_parser(numbers)(text)
        assert value is None or (abs(value) < LIMIT and value == round(value, 6))


Amounts = Callable[[str, str, str], tuple[str, str, str]]


@pytest.mark.parametrize(
    "kind,currency,cells,amounts",
    [
        ("line", "GBP", ("6", "2.55", ""), ("6", "2.55", "15.3")),
        ("line", "GBP", ("3", "0.335", ""), ("3", "0.335", "1.01")),  # half up
        ("line", "GBP", ("1", "0", ""), ("1", "0", "0")),
        ("line", "GBP", ("3", "10", "0.05"), ("3", "10", "29.95")),
        ("line", "GBP", ("3", "10", "30"), ("3", "10", "0")),
        ("unit", "GBP", ("3", "10", "0.05"), ("3", "10", "29.85")),
        ("percent", "GBP", ("3", "10", "12.5"), ("3", "10", "26.25")),
        ("percent", "GBP", ("3", "10", "100%"), ("3", "10", "0")),
        ("line", "JPY", ("1", "10.5", ""), ("1", "10.5", "11")),
        ("line", "KWD", ("1", "0.0005", ""), ("1", "0.0005", "0.001")),
    ],
)
def test_a_line_s_total(kind: str, currency: str, cells: tuple[str, str, str], amounts: tuple[str, str, str]) -> None:
    assert amounts_parser(Numbers.model_validate({"discount": kind}), currency)(*cells) == amounts


@pytest.mark.parametrize(
    "cells,word",
    [
        (("", "1", ""), "quantity"),
        (("x", "1", ""), "quantity"),
        (("0", "1", ""), "quantity"),
        (("-1", "1", ""), "quantity"),
        (("1", "", ""), "price"),
        (("1", "-0.01", ""), "price"),
        (("1", "1", "x"), "discount"),
        (("1", "1", "-1"), "discount"),
        (("1", "1", "1.01"), "discount"),
        (("99999999999999", "1.01", ""), "total"),
        (("99999999999999", "99999999999999", ""), "total"),
        (("1", "99999999999999.999", ""), "total"),
    ],
)
def test_amounts_that_make_no_sense(cells: tuple[str, str, str], word: str) -> None:
    with pytest.raises(RejectedRow, match=f"^{word}: "):
        amounts_parser(PLAIN, "GBP")(*cells)


@given(st.decimals("0.000001", 10**6, places=6), st.decimals(0, 10**6, places=6))
def test_totals_are_rounded_as_everywhere_in_the_house(quantity: Decimal, price: Decimal) -> None:
    total = amounts_parser(PLAIN, "EUR")(f"{quantity:f}", f"{price:f}", "")[2]
    assert Decimal(total) == round_total(quantity * price, "EUR")


LONDON = Dates(formats=["%d/%m/%Y %H:%M", "%d/%m/%Y"], timezone="Europe/London")
ANY = Dates(timezone="America/New_York")
ZONED = Dates(formats=["%Y-%m-%d %H:%M %Z"], timezone="America/New_York")
HALVES = Dates(
    formats=["%d/%m/%Y %I:%M:%S %p", "%Y年%m月%d日 %p%I:%M", "%Y-%m-%d %p %I:%M"], timezone="America/New_York"
)


@pytest.mark.parametrize(
    "dates,text,moment",
    [
        (LONDON, "3/7/2026 10:00", datetime(2026, 7, 3, 9, tzinfo=UTC)),
        (LONDON, "03/12/2026", datetime(2026, 12, 3, tzinfo=UTC)),
        (LONDON, "25/10/2026 01:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice that night: the first
        (ANY, "2026-01-05T09:30:00Z", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
        (ANY, "2026-01-05 09:30:00+02:00", datetime(2026, 1, 5, 7, 30, tzinfo=UTC)),
        (ANY, "2026-01-05", datetime(2026, 1, 5, 5, tzinfo=UTC)),
        (ZONED, "2026-01-05 09:30 UTC", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
        (ZONED, "2026-01-05 09:30 GMT", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
        (HALVES, "05/01/2026 2:05:09 p.\u00a0m.", datetime(2026, 1, 5, 19, 5, 9, tzinfo=UTC)),
        (HALVES, "05/01/2026 12:05:09 a. m.", datetime(2026, 1, 5, 5, 5, 9, tzinfo=UTC)),
        (HALVES, "05/01/2026 2:05:09 PM", datetime(2026, 1, 5, 19, 5, 9, tzinfo=UTC)),
        (HALVES, "2026年1月5日 午後2:05", datetime(2026, 1, 5, 19, 5, tzinfo=UTC)),
        (HALVES, "2026-01-05 오전 2:05", datetime(2026, 1, 5, 7, 5, tzinfo=UTC)),
    ],
)
def test_dates(dates: Dates, text: str, moment: datetime) -> None:
    assert date_parser(dates)(text) == moment.isoformat()


@pytest.mark.parametrize(
    "dates,text",
    [
        (LONDON, ""),
        (LONDON, "31/02/2026"),
        (LONDON, "12/31/2026"),
        (LONDON, "2026-01-05"),
        (LONDON, f"3/7/2026{' ' * 100}10:00"),
        (ANY, "0000-00-00"),
        (ANY, "9999-12-31T23:59:59"),
        (ANY, "yesterday"),
        (ZONED, "2026-01-05 09:30 EST"),  # a name that may mean several offsets
        (ZONED, "2026-01-05 09:30"),
        (HALVES, "05/01/2026 14:05:09 p. m."),
    ],
)
def test_broken_dates(dates: Dates, text: str) -> None:
    with pytest.raises(RejectedRow, match=r"^date: "):
        date_parser(dates)(text)


MONTHS = {  # of every language, how exports write May and December
    "en": ("May", "Dec."),
    "bg": ("май", "декември"),
    "cs": ("května", "prosince"),
    "da": ("maj", "dec."),
    "de": ("Mai", "Dez."),
    "el": ("Μαΐου", "Δεκεμβρίου"),
    "es": ("mayo", "dic."),
    "et": ("mai", "detsember"),
    "fi": ("toukokuuta", "joulukuuta"),
    "fr": ("mai", "déc."),
    "hr": ("svibnja", "prosinca"),
    "hu": ("május", "dec."),
    "id": ("Mei", "Desember"),
    "it": ("maggio", "dicembre"),
    "nb": ("mai", "des."),
    "nl": ("mei", "dec."),
    "pl": ("maja", "grudnia"),
    "pt": ("maio", "dezembro"),
    "ro": ("mai", "decembrie"),
    "ru": ("мая", "декабря"),
    "sk": ("mája", "decembra"),
    "sl": ("maj", "december"),
    "sv": ("maj", "dec."),
    "tr": ("MAYIS", "Aralık"),
    "uk": ("травня", "грудня"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_have_names(language: str) -> None:
    read = date_parser(Dates.model_validate({"formats": ["%d. %B %Y"], "timezone": "UTC", "language": language}))
    for name, month in zip(MONTHS[language], (5, 12), strict=True):
        assert read(f"7. {name} 2024") == datetime(2024, month, 7, tzinfo=UTC).isoformat()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_month_has_beginnings_of_its_own(language: str) -> None:
    """None begins as another one does, but where that is longer."""
    starts = beginnings(language)
    assert len(set(starts.values())) == 12
    for start, month in starts.items():
        assert next(found for begin, found in starts.items() if start.startswith(begin)) == month


def test_a_date_may_be_left_out_where_the_mapping_says_so() -> None:
    assert date_parser(Dates(timezone="UTC", first_row_only=True))("") is None


def test_keys() -> None:
    plain, clean = (key_parser("sku", upper=one, drop_point_zero=one) for one in (False, True))
    assert [plain(text) for text in (" 85123a ", "17850.0", "")] == ["85123a", "17850.0", ""]
    assert [clean(text) for text in ("85123a", "17850.0", "17850.00", "1.50", "a.0", "")] == [
        *("85123A", "17850", "17850", "1.50", "A.0", "")
    ]
    assert plain("x" * 200) == "x" * 200
    with pytest.raises(RejectedRow, match=r"^sku: This may have at most 200 characters\.$"):
        plain("x" * 201)
