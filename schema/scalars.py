"""The contract's scalars."""

import re
from datetime import date, datetime
from decimal import Decimal as PythonDecimal
from decimal import InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError

from core import moments
from core.money import KNOWN, decimal_text

Decimal = PythonDecimal
DateTime = datetime
CurrencyCode = NewType("CurrencyCode", str)
Date = NewType("Date", str)
TimeZone = NewType("TimeZone", str)
JSON = NewType("JSON", object)

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)


def _read_decimal(given: Any) -> PythonDecimal:
    if given.__class__ is int:  # a bool is one as well, and no number
        given = str(given) if abs(given) < 10**20 else ""
    if given.__class__ is str and _DECIMAL.fullmatch(given):
        try:
            return PythonDecimal(given)
        except InvalidOperation:  # pragma: no cover - the pattern admits nothing that Decimal refuses
            pass
    raise GraphQLError(
        'A decimal number is written as text, with a point and at most 20 digits before and after it, such as "12.50".'
    )


def _write_decimal(value: Any) -> str:
    return value if isinstance(value, str) else decimal_text(value)


def _read_moment(given: Any) -> datetime:
    try:
        return moments.read(given if isinstance(given, str) else "")
    except moments.NotAMoment as error:
        raise GraphQLError(f"{error}.") from None


def _write_moment(value: Any) -> str:
    return value if isinstance(value, str) else moments.write(value)


def _read_currency(given: Any) -> str:
    if isinstance(given, str) and given in KNOWN:
        return given
    raise GraphQLError('A currency is a code of ISO 4217, three capital letters, such as "EUR".')


def _read_date(given: Any) -> str:
    if isinstance(given, str) and _DATE.fullmatch(given):
        try:
            return date.fromisoformat(given).isoformat()
        except ValueError:
            pass
    raise GraphQLError('A date is a day of the calendar, year first, such as "2026-10-31".')


def _read_zone(given: Any) -> str:
    if isinstance(given, str) and moments.is_zone(given):
        return given
    raise GraphQLError('A time zone is a name of the IANA database, such as "Europe/Berlin".')


SCALARS: dict[object, Any] = {
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, a list, a string, a number, true, false or null.",
        serialize=lambda value: value,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc8259",
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number. JSON carries it as a string, never as a float: "12.50".',
        serialize=_write_decimal,
        parse_value=_read_decimal,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 with an offset; output in UTC with Z.",
        serialize=_write_moment,
        parse_value=_read_moment,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
    ),
    Date: strawberry.scalar(
        name="Date",
        description='A day of the calendar, without a time: "2026-10-31".',
        serialize=str,
        parse_value=_read_date,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339#section-5.6",
    ),
    TimeZone: strawberry.scalar(
        name="TimeZone",
        description='A name of the IANA time zone database, such as "Europe/Berlin". Abbreviations and offsets are refused.',
        serialize=str,
        parse_value=_read_zone,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description='ISO 4217 alphabetic code, such as "EUR".',
        serialize=str,
        parse_value=_read_currency,
    ),
}
