"""Groups by up to three dimensions of which one is a time, by the clocks of odd zones: those of plain Python over the same rows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.runtime.engine import Target
from tests.schema.test_days import TWICE
from tests.schema.test_groups import DIMENSIONS, HAVINGS, NAMES, PARENTS, PARTS, SORTS, query
from tests.schema.test_groups import ZONES as CHANGES
from tests.support import numbers
from tests.support.graph import Asker
from tests.support.groups import first_day, grouped, placed
from tests.support.numbers import CURRENCIES, UNITS
from tests.support.oddments import Oddments

MORE = {
    "America/Havana": ("2024-11-03T05:00Z",),
    "Atlantic/Azores": ("2024-10-27T01:00Z",),
    "America/St_Johns": ("2010-11-07T02:31Z",),
    "Asia/Pyongyang": ("2018-05-04T15:00Z",),
    "America/Caracas": ("2016-05-01T07:00Z",),
    "Pacific/Kwajalein": ("1993-08-21T12:00Z",),
    "Europe/Istanbul": ("2016-09-06T21:00Z",),
    "Antarctica/Troll": ("2024-10-27T01:00Z",),
}
"""Two midnights; half an hour won and lost for good; another date that never was; a summer that didn't end; two hours of it."""

ZONES = {**CHANGES, **MORE, "Etc/GMT+12": (), "Pacific/Kiritimati": ()}
TIMES = [
    *({"placedAt": unit} for unit in ("DAY", "WEEK", "MONTH", "QUARTER", "QUARTER", "YEAR", "YEAR")),
    *({"placedAtPart": part} for part in ("HOUR_OF_DAY", "DAY_OF_WEEK", "MONTH_OF_YEAR")),
]
OTHERS = {
    field: [each for each in found if not each.keys() & {"placedAt", "placedAtPart"}]
    for field, found in DIMENSIONS.items()
}
DAYS = ("2011-12-29", "2013-10-20", "2016-09-07", "2024-03-31", "2024-10-27", "2025-01-01")


SUMS = (None, None, "count", "total { currency sum { amount currency } }", "total { count } customerCount")
"""What is asked of each group: all, or some of it."""


def moments() -> Iterator[datetime]:
    """Around every change of a clock, and where a quarter and a year begin in the zones farthest apart."""
    for changes in ZONES.values():
        for each in changes:
            at = datetime.fromisoformat(each)
            yield from (at + timedelta(minutes=minutes) for minutes in (-721, -31, -1, 0, 29, 61))
    for hours in (-14, 0, 12):
        for day in (datetime(2024, 4, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)):
            yield from (day + timedelta(hours=hours, seconds=seconds) for seconds in (-1, 0))


@pytest.fixture(scope="module")
async def clocks(world: Target) -> Oddments:
    return await numbers.load(world, "every clock", [*moments()])


def questions(field: str) -> st.SearchStrategy[Any]:
    """The arguments of a list and of its groups, of which at least one is by a time."""
    sort = st.fixed_dictionaries(
        {"field": st.sampled_from(SORTS[field]), "direction": st.sampled_from(["ASC", "DESC"])}
    )
    by = st.tuples(
        st.lists(st.sampled_from(TIMES), min_size=1, max_size=2, unique_by=lambda each: next(iter(each))),
        st.lists(st.sampled_from(range(len(OTHERS[field]))), max_size=2, unique=True),
        st.randoms(use_true_random=False),
    )
    return st.fixed_dictionaries(
        {
            "by": by.map(lambda drawn: _mixed(*drawn, OTHERS[field])),
            "order": st.lists(sort, max_size=2, unique_by=lambda each: each["field"]),
            "having": st.sampled_from(HAVINGS),
            "first": st.sampled_from([1, 3, 50, 1_000]),
            "units": st.fixed_dictionaries({"currency": st.sampled_from(CURRENCIES), "unit": st.sampled_from(UNITS)}),
            "sums": st.sampled_from(SUMS),
            "parts": st.sets(st.sampled_from(PARTS)),
            "days": st.lists(st.sampled_from(DAYS), max_size=2).map(sorted),
            "zone": st.sampled_from([*ZONES]),
            "breadth_first": st.booleans(),
        }
    )


def _mixed(times: list[Any], others: list[int], dice: Any, of: Sequence[Any]) -> list[Any]:
    found = [*times, *(of[place] for place in others)]
    dice.shuffle(found)
    return found[:3] if any(each in times for each in found[:3]) else [*times[:1], *found[:2]]


def within(days: Sequence[str], zone: str) -> dict[str, Any]:
    """A filter by days of the zone, from the first on and through the second."""
    return {"within": dict(zip(("from", "through"), days, strict=False)) | {"timeZone": zone}} if days else {}


@pytest.mark.parametrize("field", [*NAMES])
@settings(max_examples=20)
@given(data=st.data())
async def test_groups_by_any_clock(ask: Asker, clocks: Oddments, field: str, data: st.DataObject) -> None:
    drawn = data.draw(questions(field))
    by, order, having, first, units = (drawn[name] for name in ("by", "order", "having", "first", "units"))
    zone, now = ZoneInfo(drawn["zone"]), datetime.now(UTC)
    days = {"placedAt": within(drawn["days"], drawn["zone"])}
    where = days if field == "orders" else {"orderWhere": days}
    variables = {"where": where, "by": by, "order": order, "having": having, "first": first, **units}
    if field == "orders":
        del variables["unit"]
    text = query(field, by, drawn["zone"], "date start end", drawn["sums"], drawn["parts"])
    answer = await ask(text, clocks.tenant, variables, breadth_first=drawn["breadth_first"])
    found = [answer.good[field], *(each[field] for each in answer.good[PARENTS[field]]["nodes"])]
    assert all(len(each["nodes"]) < 250 for each in found)
    assert found[0]["nodes"] or drawn["days"]
    for each in found:
        shown = each["groups"]
        for node in shown["nodes"]:
            if "placedAt" in node["key"]:
                [unit] = [part["placedAt"] for part in by if "placedAt" in part]
                _check_period(node["key"]["placedAt"], unit, zone, each["nodes"])
        nodes = [node | {"key": _dated(node["key"])} for node in shown["nodes"]]
        model = grouped(field, each["nodes"], by, order, first, having, units, now, zone)
        assert shown | {"nodes": nodes} == _as_asked(model, shown)


def _check_period(period: Mapping[str, str], unit: str, zone: ZoneInfo, rows: Sequence[Any]) -> None:
    """Between its ends are the rows whose days are its."""
    times = [placed(row) for row in rows]
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    if zone.key not in TWICE or start.year > 2011:
        mine = [at for at in times if first_day(at.astimezone(zone).date(), unit).isoformat() == period["date"]]
        assert mine == [at for at in times if start <= at < end] != []


def _as_asked(model: Any, shown: Any) -> Any:
    """As much of the model's answer as was asked for."""
    if isinstance(model, dict) and isinstance(shown, dict):
        return {name: _as_asked(model[name], each) for name, each in shown.items() if name != "key"} | (
            {"key": model["key"]} if "key" in shown else {}
        )
    if isinstance(model, list) and isinstance(shown, list) and len(model) == len(shown):
        return [_as_asked(*pair) for pair in zip(model, shown, strict=True)]
    return model


def _dated(key: dict[str, Any]) -> dict[str, Any]:
    return key | ({"placedAt": {"date": key["placedAt"]["date"]}} if "placedAt" in key else {})
