"""Points in time as RFC 3339 writes them."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

EXAMPLE = '"2026-11-01T09:30:00+01:00"'

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


class NotAMoment(ValueError):
    """Text that is no point in time, or none that can be kept; the message says which."""


def read(text: str) -> datetime:
    """The moment, in UTC. Raises ``NotAMoment``.

    A fraction is cut after the microsecond. A leap second (23:59:60 in UTC, on whichever day: they are announced half a
    year ahead) is the last microsecond before midnight: it stays in its day, and after all that came before it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotAMoment(f"A point in time is written by RFC 3339, with seconds and an offset, such as {EXAMPLE}")
    day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    is_leap = second == "60"
    micro = "999999" if is_leap else (fraction or "")[:6].ljust(6, "0")
    if day.startswith("0000"):
        raise NotAMoment(_OUT_OF_RANGE)
    try:
        local = datetime.fromisoformat(f"{day}T{hour}:{minute}:{'59' if is_leap else second}.{micro}+00:00")
    except ValueError:
        raise NotAMoment(f"There is no such day or time; a point in time is written such as {EXAMPLE}") from None
    if hour == "24":  # newer Pythons take it for the next midnight; RFC 3339 doesn't
        raise NotAMoment(f"There is no such day or time; a point in time is written such as {EXAMPLE}")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = local + offset if sign == "-" else local - offset
    except OverflowError:
        raise NotAMoment(_OUT_OF_RANGE) from None
    if is_leap and (moment.hour, moment.minute) != (23, 59):
        raise NotAMoment("A leap second is at 23:59:60 in UTC, and at no other time")
    return moment


@cache
def _zones() -> frozenset[str]:
    return frozenset(each for each in available_timezones() if "/" in each) | {"UTC"}


def is_zone(name: str) -> bool:
    """Whether it is the name of a time zone. PostgreSQL takes others in silence: "Berlin+2" for two hours *west*."""
    return name in _zones()


def write(moment: datetime) -> str:
    """The moment in UTC with Z, as ``read`` takes it."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


_OUT_OF_RANGE = (
    "A point in time lies between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z; in UTC this one doesn't"
)
