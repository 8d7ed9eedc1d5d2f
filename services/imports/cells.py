"""One cell: amounts, dates, keys and texts, and the refusal of what isn't one."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core import money
from core import text as texts
from services.imports.mapping import EPOCH, EPOCH_MS, ISO, SERIAL, Dates, Mapping
from services.imports.months import beginnings, halves
from services.imports.numbers import CACHED, LESS, MAX_LENGTH, MORE, parser, style

_POINT_ZERO = re.compile(r"[0-9]+\.0+")
# Spreadsheets write 4.00638E+12, programs in Java 4.00638E12. 12E3 and 4.5E27, a lamp and its base, are keys as good as any.
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+|[0-9][.,][0-9]{2,}[eE][0-9]+")
# What spreadsheets show in the place of what they can't work out, in English, German, French, Spanish, Italian, Dutch and
# Portuguese; and for a number that is wider than its column.
_FAULTS = frozenset(
    """#N/A #REF! #VALUE! #NAME? #DIV/0! #NUM! #NULL! #SPILL! #CALC! #NV #BEZUG! #WERT! #ZAHL! #VALEUR! #NOM? #NOMBRE! #NUL!
    #N/D #¡REF! #¡VALOR! #¿NOMBRE? #¡DIV/0! #¡NUM! #¡NULO! #RIF! #VALORE! #NOME? #NULLO! #N/B #VERW! #WAARDE! #NAAM?
    #DEEL/0! #GETAL! #LEEG! #VALOR! #NÚM! #NULO!""".split()
)
_NOT_A_NUMBER = "is not a number with at most 14 digits and six decimals"


class RejectedRow(Exception):
    """Why a row can't be taken: a stable word to count by, and a sentence for people."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(f"{word}: {sentence}")


def not_a_number(meaning: str) -> RejectedRow:
    said = meaning.replace("_", " ")
    return RejectedRow(said, f"The {said} {_NOT_A_NUMBER}.")


def not_in(currency: str, sign: str) -> RejectedRow:
    return RejectedRow("currency", f"The row's currency is {currency}, and one of its amounts is in {sign}.")


class Amounts(NamedTuple):
    """What a row's numbers come to, as plain text; ``off`` is what was taken off the line."""

    quantity: str
    price: str
    total: str
    off: str


class _Reader:
    """Reads the amounts of rows; everything that doesn't depend on a row is decided here, once."""

    def __init__(self, mapping: Mapping) -> None:
        numbers, columns = mapping.numbers, mapping.columns
        kinds = ("quantity", "price", "price_per", "total", "discount", "line_check")
        percent = numbers.discount == "percent"
        self._parsers = {
            name: parser(
                style(numbers, mapping.currency, getattr(columns, name), percent=percent and name == "discount")
            )
            for name in kinds
        }
        own = columns.discount.sign if columns.discount else None
        self._sign = "plus" if own else numbers.discount_sign
        self._kind = numbers.discount
        self._has_total = columns.total is not None
        self._tolerance = Decimal(numbers.tolerance)

    def __call__(
        self, quantity: str, price: str, per: str, total: str, discount: str, check: str, currency: str, role: str
    ) -> Amounts:
        count = self._count(quantity, role)
        one, gross = self._gross(count, price, per, total)
        if role in {"r", "d"}:
            one, gross = abs(one), abs(gross)
        if gross < 0:
            raise RejectedRow("total" if self._has_total else "price", "The amount is below zero.")
        # Compared first: more digits than a Decimal carries can't be rounded.
        if gross >= money.LIMIT or one >= money.LIMIT:
            raise RejectedRow("total", "The line's total has more than 14 digits before the point.")
        off, whole = self._off(discount, gross, count), money.round_total(gross, currency)
        if off >= money.LIMIT or money.round_total(off, currency) > whole:
            raise RejectedRow("discount", "The discount is more than the amount.")
        net = max(money.round_total(gross - off, currency), Decimal())
        if net >= money.LIMIT:
            raise RejectedRow("total", "The line's total has more than 14 digits before the point.")
        if check and not role and abs(self._read("line_check", check) - net) > self._tolerance:
            raise RejectedRow("check", f"The file says {check}, and the line comes to {net}.")
        return Amounts(*map(money.decimal_text, (count, one, net, max(whole - net, Decimal()))))

    def _read(self, word: str, text: str) -> Decimal:
        value = self._parsers[word](text)
        if value is None:
            raise not_a_number(word)
        return value

    def _count(self, text: str, role: str) -> Decimal:
        """The quantity; of services and discounts 1, where the file has none."""
        counted = role in {"s", "d"}
        count = Decimal(1) if counted and not text else self._read("quantity", text)
        count = Decimal(1) if counted and count == 0 else count
        count = abs(count) if role in {"r", "d"} else count
        if count <= 0:
            raise RejectedRow("quantity", f"The quantity is {'below' if count < 0 else 'not above'} zero.")
        return count

    def _gross(self, quantity: Decimal, price: str, per: str, total: str) -> tuple[Decimal, Decimal]:
        """The price of a unit, and what the line comes to before its discount."""
        if self._has_total:
            whole = self._read("total", total)
            return _six(whole / quantity), whole
        one, base = self._read("price", price), self._read("price_per", per) if per else Decimal(1)
        if base <= 0:
            raise RejectedRow("price per", "The number of units that the price is for is not above zero.")
        return _six(one / base), quantity * one / base

    def _off(self, text: str, gross: Decimal, quantity: Decimal) -> Decimal:
        """What the discount takes off the line."""
        if not text.strip(f"{MORE}{LESS} "):
            return Decimal()
        value = signed(self._read("discount", text), self._sign)
        if value < 0:
            raise RejectedRow("discount", "The discount is below zero: numbers.discount_sign says which sign it has.")
        base = {"line": Decimal(1), "unit": quantity, "percent": gross / 100, "fraction": gross}
        return value * base[self._kind]


def amounts_parser(mapping: Mapping) -> Callable[..., Amounts]:
    """A function from the texts of quantity, price, price_per, total, discount and line_check, the currency and the row's
    role to what they come to.

    A line's total is quantity times price (or the total that the file has) less the discount, rounded half up to the
    currency's digits. The amount and the discount are compared as they are rounded: what is given away wholly costs
    nothing. It raises ``RejectedRow``.
    """
    return lru_cache(CACHED)(_Reader(mapping).__call__)


def signed(value: Decimal, sign: str) -> Decimal:
    """A number whose sign says nothing, or the contrary."""
    return -value if sign == "minus" else abs(value) if sign == "either" else value


def _six(value: Decimal) -> Decimal:
    """A unit price, as it is stored."""
    return value.quantize(Decimal(1).scaleb(-money.SCALE), ROUND_HALF_UP) if abs(value) < money.LIMIT else value


def amount_parser(word: str, read: Callable[[str], Decimal | None], sign: str = "plus") -> Callable[[str], str | None]:
    """A function from a cell to an amount of zero or more, as plain text; None where it is empty. Raises ``RejectedRow``."""

    def amount(text: str) -> str | None:
        if not text.strip(f"{MORE}{LESS} "):
            return None
        value = read(text)
        if value is None:
            raise RejectedRow(word, f"The {word} {_NOT_A_NUMBER}.")
        value = signed(value, sign)
        if value < 0:
            raise RejectedRow(word, f"The {word} is below zero.")
        return money.decimal_text(value)

    return amount


def date_parser(dates: Dates, own: list[str] | None = None) -> Callable[[str], str | None]:
    """A function from a date's text to the moment in UTC, as ISO text; None where it is left out.

    A local time that a change of the clock makes twice is the first of the two. It raises ``RejectedRow``.
    """
    zone = ZoneInfo(dates.timezone)
    names = beginnings(dates.language)
    formats = [form if form == ISO else form.replace("%B", "%b") for form in own or dates.formats]

    def read(text: str) -> datetime | None:
        for form in formats:
            try:
                found = _parsed(text, form, names)
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


def _parsed(text: str, form: str, names: dict[str, str]) -> datetime:
    """A date of one format, with or without a zone. Raises ``ValueError``."""
    if form == ISO:
        return datetime.fromisoformat(text)
    if form in {EPOCH, EPOCH_MS, SERIAL}:
        return _counted(text, form)
    if "%b" in form:
        text = _english(text, names)
    if "%p" in form:
        text = halves(text)
    if "%Z" in form:  # strptime drops it, and knows the names of this machine's own zone
        text, form = _UTC.sub("+0000", text), form.replace("%Z", "%z")
    return datetime.strptime(text, form)  # noqa: DTZ007 - its time zone is given after it


_PLAIN_NUMBER = re.compile(r"[0-9]{1,14}(?:[.,][0-9]+)?")


def _counted(text: str, form: str) -> datetime:
    """The moment that a number stands for. Raises ``ValueError`` where it isn't one."""
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError(text)
    value = Decimal(text.replace(",", "."))
    if form == SERIAL:
        if value < 1:  # a time without a day
            raise ValueError(text)
        seconds = int((value * 86_400).quantize(Decimal(1), ROUND_HALF_UP))
        return datetime(1899, 12, 30) + timedelta(seconds=seconds)  # noqa: DTZ001 - its time zone is given after it
    return datetime.fromtimestamp(float(value) / (1_000 if form == EPOCH_MS else 1), UTC)


_UTC = re.compile(r"\b(?:UTC|GMT)\b")
_WORD = re.compile(r"[^\W\d_]{3,}\.?")


def _english(text: str, names: dict[str, str]) -> str:
    """A date whose month has its English abbreviation."""

    def month(word: re.Match[str]) -> str:
        folded = word[0].casefold()
        found = next((english for start, english in names.items() if folded.startswith(start)), None)
        return found or word[0]

    return _WORD.sub(month, text)


def key_parser(
    word: str, *, upper: bool, drop_point_zero: bool, drop_leading_zeros: bool = False
) -> Callable[[str], str]:
    """A function that makes one key of a key's spellings; an empty one stays empty. Raises ``RejectedRow``."""

    def key(text: str) -> str:
        text = text.strip()
        if drop_point_zero and _POINT_ZERO.fullmatch(text):
            text = text.partition(".")[0]
        if drop_leading_zeros and text.isdigit():
            text = text.lstrip("0") or "0"
        if upper:
            text = text.upper()
        if _SCIENTIFIC.fullmatch(text):
            raise RejectedRow(
                word, f"A spreadsheet has turned it into the number {text}: what it was can't be told. Export it again."
            )
        if text[:1] == "#" and (text in _FAULTS or not text.strip("#")):
            raise RejectedRow(
                word, f"A spreadsheet shows {text} in its place: what it was can't be told. Export it again."
            )
        try:
            return texts.key(text) if text else text
        except ValueError as error:
            raise RejectedRow(word, str(error)) from None

    return key


def text_parser(
    what: str, limit: int, read: Callable[[str, int], str] = texts.name, *, unescape: bool = False
) -> Callable[[str], str]:
    """A function that trims a text, which may be empty, and says by ``read`` what of it is stored. Raises
    ``RejectedRow``.
    """

    def text(value: str) -> str:
        value = value.strip()
        if unescape and "&" in value:
            value = html.unescape(value).strip()
        try:
            return read(value, limit) if value else value
        except ValueError as error:
            raise RejectedRow("text", f"The {what} can't be taken. {error}") from None

    return text
