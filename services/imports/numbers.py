"""Numbers, as the systems of the world write them."""

import re
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from core import money
from services.imports.mapping import Column, Numbers

CACHED = 1 << 14
"""Distinct values that a parser remembers: exports repeat their prices and dates on row after row."""

MAX_LENGTH = 100
"""Characters of a number or a date; what is remembered must not be long."""

MORE, LESS = "\x1d", "\x1e"
"""Between the cells of one number that is a sum: those that count, and those that are taken off."""

_DIGITS = "0123456789"
_PLAIN = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000", " ")
    | dict.fromkeys("\u2212\ufe63\uff0d", "-")
    | dict(zip("\uff0b\uff0c\uff0e\uff05\uff08\uff09\uffe5\u066b\u066c", "+,.%()\u00a5,.", strict=True))
    | {chr(zero + at): digit for zero in (0xFF10, 0x0660, 0x06F0) for at, digit in enumerate(_DIGITS)}
)
"""Spaces within numbers, and signs for less: what typesetting and spreadsheets make of plain ones. And digits of full width, which
Japanese keyboards write, Arabic and Persian ones.
"""

NO_CENTS = "-\u2013\u2014"
"""What stands behind the decimal mark where there are no cents: 12,- and 12.\u2013"""

SIGNS = {
    "AUD": ("A$", "$"),
    "BRL": ("R$",),
    "CAD": ("C$", "CA$", "$"),
    "CHF": ("Fr.", "SFr."),
    "CNY": ("¥", "元"),
    "CZK": ("Kč",),
    "DKK": ("kr.", "kr"),
    "EUR": ("€",),
    "GBP": ("£",),
    "HKD": ("HK$", "$"),
    "HUF": ("Ft",),
    "ILS": ("₪",),
    "INR": ("₹", "Rs.", "Rs"),
    "JPY": ("¥", "円"),
    "KRW": ("₩",),
    "MXN": ("MX$", "$"),
    "NOK": ("kr",),
    "NZD": ("NZ$", "$"),
    "PHP": ("₱",),
    "PLN": ("zł",),
    "RUB": ("₽",),
    "SEK": ("kr",),
    "SGD": ("S$", "$"),
    "THB": ("฿",),
    "TRY": ("₺",),
    "UAH": ("₴",),
    "USD": ("US$", "$"),
    "VND": ("₫",),
    "ZAR": ("R",),
}
"""What stands beside amounts of a currency, besides its code."""


class Signs:
    """What shows that an amount isn't in its row's currency. In a file of several, each has the signs of all of them taken off, and
    $1.00 in a row of EUR was 1.00 EUR.
    """

    def __init__(self, currencies: list[str]) -> None:
        self._own = {code: {code, *SIGNS.get(code, ())} for code in currencies}
        signs = _longest([*{sign for own in self._own.values() for sign in own}])
        self._any = re.compile("|".join(map(re.escape, signs))) if len(currencies) > 1 else None

    def other(self, cells: Iterable[str], code: str) -> str | None:
        """The first sign of another currency of the file's in these cells of a row in this one."""
        if self._any is None:
            return None
        found = (sign for cell in cells for sign in self._any.findall(cell.translate(_PLAIN)))
        return next((sign for sign in found if sign not in self._own[code]), None)


class Style(NamedTuple):
    """How the numbers of one column are written."""

    decimal: str
    thousands: str
    grouping: str
    noise: tuple[str, ...]
    negative: tuple[str, ...]
    rounds: bool
    sign: str = "plus"
    divide: int = 1


def style(numbers: Numbers, currencies: list[str], column: Column | None = None, *, percent: bool = False) -> Style:
    """The style of a column: what it says itself, and for the rest what all numbers of the file have."""
    signs = [sign for code in currencies for sign in (*SIGNS.get(code, ()), code)]
    decimal, thousands, grouping = numbers.decimal, numbers.thousands, numbers.grouping
    noise = [*numbers.ignore, *signs, *["%"] * percent]
    if column is None:
        return Style(decimal, thousands, grouping, _longest(noise), _longest(numbers.negative), numbers.round)
    if column.decimal is not None:
        # The file's thousands would be this column's decimal mark: it has none then, unless it says so.
        decimal, thousands = column.decimal, "" if thousands == column.decimal else thousands
    thousands = thousands if column.thousands is None else column.thousands
    noise = [*(column.ignore or []), *noise]
    grouping = column.grouping or grouping
    sign, divide = column.sign or "plus", column.divide or 1
    return Style(decimal, thousands, grouping, _longest(noise), _longest(numbers.negative), numbers.round, sign, divide)


def _longest(given: list[str]) -> tuple[str, ...]:
    """The longest first: of "kg" and "/kg" the shorter would leave a stroke behind."""
    return tuple(sorted(given, key=len, reverse=True))


def parser(wanted: Style) -> Callable[[str], Decimal | None]:
    """A function that reads a number of a style, or None where it isn't one.

    It takes nothing that could be meant otherwise: thousands must stand in their groups, digits beyond the sixth decimal
    must be zeros (or are rounded, by ``numbers.round``), a sign stands once, before or behind, or brackets do, and 1e5 is
    no number.
    """
    pattern = _pattern(wanted)
    unit = Decimal(1).scaleb(-money.SCALE)

    def one(text: str) -> Decimal | None:
        found = _stripped(text.translate(_PLAIN).strip(), wanted)
        match = pattern.fullmatch(found[0]) if found else None
        if found is None or match is None:
            return None
        digits = (match[1] or "").replace(wanted.thousands, "") if wanted.thousands else match[1] or ""
        fraction = (match[2] or "").rstrip("0")
        value = Decimal(f"{digits or 0}.{fraction or 0}")
        if len(fraction) > money.SCALE and not wanted.rounds:
            return None
        return -value if found[1] else value

    def parse(text: str) -> Decimal | None:
        if len(text) > MAX_LENGTH:
            return None
        value = _summed(text, one) if MORE in text or LESS in text else one(text)
        if value is None:
            return None
        if wanted.divide != 1:
            value = (value / wanted.divide).quantize(unit, ROUND_HALF_UP)
        elif wanted.rounds:
            value = value.quantize(unit, ROUND_HALF_UP)
        value = -value if wanted.sign == "minus" else abs(value) if wanted.sign == "either" else value
        return value if abs(value) < money.LIMIT else None

    return lru_cache(CACHED)(parse)


def _pattern(wanted: Style) -> re.Pattern[str]:
    decimal, mark = re.escape(wanted.decimal), re.escape(wanted.thousands)
    whole = "[0-9]+"
    if mark and wanted.grouping == "lakh":
        whole = f"[0-9]{{1,2}}(?:{mark}[0-9]{{2}})*{mark}[0-9]{{3}}|[0-9]+"
    elif mark:
        whole = f"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]+"
    return re.compile(f"(?=[0-9]|{decimal}[0-9])({whole})?(?:{decimal}([0-9]*))?")


def _stripped(text: str, wanted: Style) -> tuple[str, bool] | None:
    """A number without its sign and what means nothing, and whether it is below zero; None where it has two signs."""
    signs: list[str] = []
    before = None
    while text and text != before:
        before = text
        text = _without_cents(text, wanted.decimal)
        if text[:1] == "(" and text[-1] == ")":
            signs.append("-")
            text = text[1:-1].strip()
        if text[:1] in {"+", "-"}:
            signs.append(text[0])
            text = text[1:].strip()
        elif text[-1:] == "-" != text[-2:-1]:
            signs.append("-")
            text = text[:-1].strip()
        for mark in wanted.negative:
            if text.endswith(mark):
                signs.append("-")
                text = text.removesuffix(mark).strip()
        for ignored in wanted.noise:
            text = text.removeprefix(ignored).removesuffix(ignored).strip()
    return (text, "-" in signs) if len(signs) <= 1 else None


def _without_cents(text: str, decimal: str) -> str:
    """12 for 12,- which was taken for minus 12."""
    bare = text.rstrip(NO_CENTS)
    return bare.removesuffix(decimal) if 0 < len(text) - len(bare) <= 2 and bare.endswith(decimal) else text


def _summed(text: str, one: Callable[[str], Decimal | None]) -> Decimal | None:
    """The sum of several cells, less others; empty ones count nothing, and nothing but empty ones is no number."""
    more, _, less = text.partition(LESS)
    cells = [(1, cell) for cell in more.split(MORE)] + [(-1, cell) for cell in less.split(MORE)]
    values = [(sign, one(cell)) for sign, cell in cells if cell.strip()]
    if not values or any(value is None for _, value in values):
        return None
    return sum((sign * value for sign, value in values if value is not None), Decimal())
