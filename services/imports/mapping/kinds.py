"""What the values of a mapping may be."""

import codecs
import re
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from core import text
from core.countries import country
from core.money import KNOWN

ISO = "iso"
"""The date format that takes every ISO 8601 notation that Python's ``fromisoformat`` knows."""

SERIAL, EPOCH, EPOCH_MS = "serial", "epoch", "epoch_ms"
"""Dates that are numbers: days since 1899-12-30 as spreadsheets count them, seconds and milliseconds since 1970."""

NAMED = (ISO, SERIAL, EPOCH, EPOCH_MS)


def _encoding(name: str) -> str:
    # Python knows latin-1, and latin9 without its stroke.
    name = f"latin{name[6:]}" if name.lower().startswith("latin-") and not _is_known(name) else name
    if not _is_known(name):
        raise ValueError(f"{name!r} is not a text encoding; usual ones are utf-8, cp1252, latin-1, latin-9, utf-16")
    return name


def _is_known(encoding: str) -> bool:
    try:
        "a".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        return False
    return True


def _currency(code: str) -> str:
    if code not in KNOWN:
        raise ValueError(f"{code!r} is not a currency: give an ISO 4217 code such as EUR")
    return code


def _country(code: str) -> str:
    try:
        return country(code)
    except ValueError as error:
        raise ValueError(f"{code!r}: {error}") from None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone: give a name such as Europe/Berlin") from None
    return name


def _date_format(given: str) -> str:
    """A format must tell day, month and year, or every order would be of 1900."""
    day = datetime(2021, 12, 31)  # noqa: DTZ001 -- only its digits matter
    try:
        # %z and %Z print nothing for a time without a zone, and then don't read that.
        plain = given.replace("%z", "").replace("%Z", "").strip()
        sound = given in NAMED or datetime.strptime(day.strftime(plain), plain).date() == day.date()  # noqa: DTZ007 - only its digits matter
    except ValueError:
        sound = False
    if ("%p" in given) != ("%I" in given):
        raise ValueError(f"{given!r} would read 2 PM as 2 in the morning: %p goes with %I, and %H with neither")
    if not sound:
        raise ValueError(f"{given!r} is not a date format: give one such as %d.%m.%Y %H:%M, or {', '.join(NAMED)}")
    return given


def _pattern(given: str) -> str:
    try:
        re.compile(given)
    except re.error as error:
        raise ValueError(f"{given!r} is not a regular expression: {error}") from None
    return given


def _currencies(given: object) -> object:
    if isinstance(given, str) and given:
        return [given]
    if isinstance(given, list) and given and all(isinstance(each, str) for each in given):
        return given
    raise ValueError("give an ISO 4217 code such as EUR, or a list of them")


Header = Annotated[str, Field(min_length=1)]
Key = Annotated[str, AfterValidator(text.key)]
Caption = Annotated[str, AfterValidator(text.name)]
Currency = Annotated[str, AfterValidator(_currency)]
Currencies = Annotated[list[Currency], BeforeValidator(_currencies)]
Country = Annotated[str, AfterValidator(_country)]
Zone = Annotated[str, AfterValidator(_zone)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Keyed = Literal["order", "sku", "customer"]
Scope = Literal["row", "order"]
Sign = Literal["plus", "minus", "either"]
Thousands = Literal["", ".", ",", " ", "'", "’"]
Grouping = Literal["three", "lakh"]


class Part(BaseModel):
    """A table of the mapping: unknown keys are errors, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
