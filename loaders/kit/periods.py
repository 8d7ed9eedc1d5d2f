"""Stretches of time by the clock of a time zone: where they begin and end, and the days that a filter names."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Date, DateTime, Text, Uuid, case, cast, func, literal_column, select

from db.tenants import Tenant
from loaders.kit.statements import constant, value

ZONE = value("zone", Text())
UNITS = {
    "HOUR": "1 hour",
    "DAY": "1 day",
    "WEEK": "1 week",
    "MONTH": "1 month",
    "QUARTER": "3 months",
    "YEAR": "1 year",
}
"""How long periods are."""

STEPS = UNITS | {"HOUR": "30 minutes"}
"""What leads from a period into the next: at Lord Howe the clock changes by half an hour."""

OVERLAPS = ("3 hours", "2 hours", "1 hour", "30 minutes")
"""By how much clocks were put back at or over midnight, the most first: all cases since 2005."""

_TENANTS_ZONE = select(Tenant.timezone).where(Tenant.id == value("tenant", Uuid())).scalar_subquery()


def interval(text: str) -> Any:
    return literal_column(f"interval '{text}'")


def trunc(unit: str, by: Any) -> Any:
    """When the period of a moment begins. Not ``AT TIME ZONE`` twice, which makes one of the two hours that a clock change
    repeats.
    """
    return func.date_trunc(constant(unit.lower()), by, ZONE, type_=DateTime(timezone=True))


def first_moment(midnight: Any, zone: Any) -> Any:
    """When a local day begins. PostgreSQL takes the later of two midnights, as Havana and the Azores have them in autumn; the
    day begins with the earlier.
    """
    at: Any = func.timezone(zone, midnight, type_=DateTime(timezone=True))
    earlier = (at - interval(each) for each in OVERLAPS)
    return case(*((func.timezone(zone, each) >= midnight, each) for each in earlier), else_=at)


def period(unit: str, start: Any) -> dict[str, Any]:
    """The columns of a period, by what they are: when it begins and is over, and its first day."""
    day = func.timezone(ZONE, start)
    if unit == "HOUR":
        begins, ends = _hour(start), _hour(trunc(unit, start + interval(UNITS[unit])))
    else:
        midnight = func.date_trunc(constant("day"), day)
        begins, ends = first_moment(midnight, ZONE), first_moment(midnight + interval(UNITS[unit]), ZONE)
    first: Any = literal_column("date '0001-01-01'")
    last: Any = literal_column("date '9999-12-31'")
    local = cast(func.timezone(ZONE, kept(start)), Date)
    return {
        "start": kept(begins),
        "end": kept(ends),
        "date": func.greatest(func.least(local, last), first, type_=Date()),
    }


def _hour(start: Any) -> Any:
    """When an hour begins: at Lord Howe the clock changes by half an hour, and the one that is cut off would begin in the
    middle of the one before.
    """
    before = trunc("HOUR", start)
    return case((before == start, start), else_=before + interval("1 hour"))


def kept(moment: Any) -> Any:
    """A moment that can be written: the years from 1 to 9999."""
    first: Any = literal_column("timestamptz '0001-01-01 00:00:00+00'")
    last: Any = literal_column("timestamptz '9999-12-31 23:59:59.999999+00'")
    return func.greatest(func.least(moment, last), first, type_=DateTime(timezone=True))


# ---------------------------------------------------------------- days, as a filter has them


def days_value(given: Mapping[str, Any]) -> str:
    """What a filter's ``within`` says, as the one value that its SQL takes: the first day, the last one, the zone."""
    return "|".join(str(given.get(name) or "") for name in ("from", "through", "timeZone"))


def days(named: Any) -> tuple[Any, Any]:
    """When the days of such a value begin, and when they are over. The zone is the tenant's where none is given."""
    first, last, zone = (
        func.nullif(func.split_part(named, constant("|"), constant(n)), constant("")) for n in (1, 2, 3)
    )
    whose = func.coalesce(zone, _TENANTS_ZONE)
    midnights = [cast(cast(each, Date), DateTime()) for each in (first, last)]
    begin = first_moment(midnights[0], whose)
    end = first_moment(midnights[1] + interval("1 day"), whose)
    return (
        func.coalesce(begin, literal_column("timestamptz '-infinity'")),
        func.coalesce(end, literal_column("timestamptz 'infinity'")),
    )


def within(by: Any, named: Any) -> Any:
    """Whether a moment is on one of these days."""
    begin, end = days(named)
    return (by >= begin) & (by < end)
