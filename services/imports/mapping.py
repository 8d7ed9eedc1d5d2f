"""The mapping: a TOML file that defines what the columns of an export mean (docs/import.md)."""

import codecs
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from core import text
from core.countries import country
from core.errors import BadInput
from core.money import KNOWN

ISO = "iso"
"""The date format that takes every ISO 8601 notation that Python's ``fromisoformat`` knows."""


def _encoding(name: str) -> str:
    try:
        "a".encode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is not a text encoding; usual ones are utf-8, cp1252, latin-1, utf-16") from None
    return name


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
        sound = given == ISO or datetime.strptime(day.strftime(plain), plain).date() == day.date()  # noqa: DTZ007 - only its digits matter
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(f"{given!r} is not a date format: give one such as %d.%m.%Y %H:%M, or {ISO}")
    return given


Header = Annotated[str, Field(min_length=1)]
Key = Annotated[str, AfterValidator(text.key)]
Keyed = Literal["order", "sku", "customer"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(_Part):
    """How the file is written. A BOM is skipped, and gzip is recognised by its first bytes."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1, pattern=r'^[^"\r\n]$')] = ","
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"


class Columns(_Part):
    """The header of each column; what the file hasn't got is left out."""

    order: Header
    sku: Header
    quantity: Header
    price: Header
    date: Header
    time: Header | None = None
    description: Header | None = None
    discount: Header | None = None
    customer: Header | None = None
    customer_name: Header | None = None
    country: Header | None = None

    def named(self) -> dict[str, str]:
        """The mapped columns: what each means, and its header."""
        return {meaning: header for meaning, header in self if header is not None}


class Numbers(_Part):
    """How numbers are written. ``ignore`` lists texts around them that mean nothing: € or EUR."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'", "’"] = ""
    ignore: list[Header] = []
    discount: Literal["line", "unit", "percent"] = "line"

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands can't be the same mark")
        return self


class Dates(_Part):
    """How dates are written, and in which zone those without an offset are.

    ``first_row_only``: later rows of an order may leave the date out.
    """

    formats: Annotated[list[Annotated[str, AfterValidator(_date_format)]], Field(min_length=1)] = [ISO]
    timezone: Annotated[str, AfterValidator(_zone)]
    first_row_only: bool = False


class Clean(_Part):
    """What makes one key of several spellings: upper case; 17850 for 17850.0."""

    upper: list[Keyed] = []
    drop_point_zero: list[Keyed] = []


class Return(_Part):
    """A rule for rows that are returns: what its column must be, in exactly one way."""

    column: Header
    prefix: Header | None = None
    values: list[str] | None = None
    negative: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.prefix, self.values, self.negative].count(None) != 2:
            raise ValueError("a rule has exactly one of prefix, values and negative")
        return self


class Mapping(_Part):
    """The whole mapping."""

    currency: Annotated[str, AfterValidator(_currency)]
    default_customer: Key | None = None
    file: File = File()
    columns: Columns
    numbers: Numbers = Numbers()
    dates: Dates
    clean: Clean = Clean()
    returns: list[Return] = []
    countries: dict[str, Annotated[str, AfterValidator(_country)]] = {}

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.columns.customer is None and self.default_customer is None:
            raise ValueError("give columns.customer, or default_customer, or both")
        return self


def load(path: Path) -> Mapping:
    """The mapping of a TOML file; ``BadInput`` names the file and the keys at fault."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise BadInput(f"The mapping {path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        faults = "; ".join(_fault(list(one["loc"]), one["msg"]) for one in error.errors())
        raise BadInput(f"The mapping {path} doesn't make sense: {faults}.") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise BadInput(f"The mapping {path} is not a TOML file: {error}.") from error


def _fault(where: list[str | int], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, where))}: {said}" if where else said
