"""One cell: numbers, dates, keys and texts, and the refusal of what isn't one."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from core import money
from core import text as texts
from services.imports.mapping import ISO, Dates, Numbers

CACHED = 1 << 14
"""Distinct values that a parser remembers: exports repeat their prices and dates on row after row."""

MAX_LENGTH = 100
"""Characters of a number or a date; what is remembered must not be long."""

_POINT_ZERO = re.compile(r"[0-9]+\.0+")
_SPACES = str.maketrans("\u00a0\u202f", "  ")


class RejectedRow(Exception):
    """Why a row can't be taken: a stable word to count by, and a sentence for people."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(f"{word}: {sentence}")


def number_parser(numbers: Numbers) -> Callable[[str], Decimal | None]:
    """A function that reads a number as the mapping writes them, or says None.

    It takes nothing that could be meant otherwise: thousands must stand in groups of three, digits
    beyond the sixth decimal must be zeros, and 1e5 is no number.
    """
    decimal, thousands = re.escape(numbers.decimal), re.escape(numbers.thousands)
    whole = f"[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"
    pattern = re.compile(f"([+-]?)(?=[0-9]|{decimal}[0-9])({whole})?(?:{decimal}([0-9]*))?(-?)")
    noise = [*numbers.ignore, *("%" for _ in range(numbers.discount == "percent"))]

    def parse(text: str) -> Decimal | None:
        if len(text) > MAX_LENGTH:
            return None
        text = text.translate(_SPACES).strip()
        for ignored in noise:
            text = text.removeprefix(ignored).removesuffix(ignored).strip()
        found = pattern.fullmatch(text)
        if found is None or (found[1] and found[4]):
            return None
        digits = (found[2] or "").replace(numbers.thousands, "") if thousands else found[2] or ""
        fraction = (found[3] or "").rstrip("0")
        value = Decimal(f"{digits or 0}.{fraction or 0}")
        if len(fraction) > money.SCALE or value >= money.LIMIT:
            return None
        return -value if "-" in (found[1], found[4]) else value

    return parse


def amounts_parser(numbers: Numbers, currency: str) -> Callable[[str, str, str], tuple[str, str, str]]:
    """A function from quantity, price and discount to quantity, price and the line's total, as plain text.

    The total is quantity times price less the discount, rounded half up to the currency's digits.
    It raises ``RejectedRow``.
    """
    parse = number_parser(numbers)

    def read(word: str, text: str) -> Decimal:
        value = parse(text)
        if value is None:
            raise RejectedRow(word, f"The {word} is not a number with at most 14 digits and six decimals.")
        if value < 0 or (value == 0 and word == "quantity"):
            raise RejectedRow(word, f"The {word} is {'not above' if word == 'quantity' else 'below'} zero.")
        return value

    @lru_cache(CACHED)
    def amounts(quantity_text: str, price_text: str, discount_text: str) -> tuple[str, str, str]:
        quantity, price = read("quantity", quantity_text), read("price", price_text)
        discount = read("discount", discount_text or "0")
        gross = quantity * price
        base = {"line": Decimal(1), "unit": quantity, "percent": gross / 100}[numbers.discount]
        if discount * base > gross:
            raise RejectedRow("discount", "The discount is more than the amount.")
        # Compared first: more digits than a Decimal carries can't be rounded.
        net = gross - discount * base
        total = money.round_total(net, currency) if net < money.LIMIT else net
        if total >= money.LIMIT:
            raise RejectedRow("total", "The line's total has more than 14 digits before the point.")
        return money.decimal_text(quantity), money.decimal_text(price), money.decimal_text(total)

    return amounts


def date_parser(dates: Dates) -> Callable[[str], str | None]:
    """A function from a date's text to the moment in UTC, as ISO text; None where it is left out.

    A local time that a change of the clock makes twice is the first of the two. It raises ``RejectedRow``.
    """
    zone = ZoneInfo(dates.timezone)

    def read(text: str) -> datetime | None:
        for form in dates.formats:
            try:
                # The zone is set below, where the text names none.
                found = datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007 - its time zone is given after it
                return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
        return None

    @lru_cache(CACHED)
    def moment(text: str) -> str | None:
        if not text and dates.first_row_only:
            return None
        found = read(text) if len(text) <= MAX_LENGTH else None
        if found is None:
            raise RejectedRow("date", "The date is not one of the mapping's formats.")
        return found.isoformat()

    return moment


def key_parser(word: str, *, upper: bool, drop_point_zero: bool) -> Callable[[str], str]:
    """A function that makes one key of a key's spellings; an empty one stays empty. Raises ``RejectedRow``."""

    def key(text: str) -> str:
        text = text.strip()
        if drop_point_zero and _POINT_ZERO.fullmatch(text):
            text = text.partition(".")[0]
        if upper:
            text = text.upper()
        try:
            return texts.key(text) if text else text
        except ValueError as error:
            raise RejectedRow(word, str(error)) from None

    return key


def text_parser(what: str, limit: int, read: Callable[[str, int], str] = texts.name) -> Callable[[str], str]:
    """A function that trims a text, which may be empty, and says by ``read`` what of it is stored. Raises
    ``RejectedRow``.
    """

    def text(value: str) -> str:
        value = value.strip()
        try:
            return read(value, limit) if value else value
        except ValueError as error:
            raise RejectedRow("text", f"The {what} can't be taken. {error}") from None

    return text
