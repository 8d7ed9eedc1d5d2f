"""Days of a filter and periods of groups: by one clock, and of the same rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from sqlalchemy import ARRAY, Date, Text, cast, func, literal_column, select

from db.runtime.engine import Database, Target
from loaders.kit.periods import days
from loaders.kit.statements import statement, value
from tests.schema.test_groups import ZONES, clock
from tests.support.graph import Asker
from tests.support.oddments import Oddments

__all__ = ["clock"]

FIRST, LAST, WEEK = datetime(2005, 1, 1, tzinfo=UTC), datetime(2030, 12, 31, tzinfo=UTC), timedelta(days=7)
TWICE = {"America/St_Johns", "Canada/Newfoundland", "America/Goose_Bay", "America/Moncton"}
"""Until 2011 clocks there were put back at a minute past midnight: a minute of a day came before an hour of the day before."""


def changes(zone: str) -> Iterator[date]:
    """The days around which a zone's clocks change: looked for week by week, and then by halves."""
    clock_, at = ZoneInfo(zone), FIRST
    before = at.astimezone(clock_).utcoffset()
    while at < LAST:
        at += WEEK
        after = at.astimezone(clock_).utcoffset()
        if after != before:
            low, high = at - WEEK, at
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if middle.astimezone(clock_).utcoffset() == before else (low, middle)
            yield high.astimezone(clock_).date()
        before = after


async def test_days_of_every_zone_touch_around_each_change(world: Target, larkspur: UUID) -> None:
    """For all zones and all changes of clocks of 26 years: a day begins with the first moment that has its date, and ends
    where the next one begins.
    """
    zones = sorted(each for each in available_timezones() if "/" in each)
    asked = [(zone, day + timedelta(days=step)) for zone in zones for day in changes(zone) for step in (-1, 0, 1)]
    assert len(zones) > 400
    assert len(asked) > 20_000
    given: Any = func.unnest(value("named", ARRAY(Text()))).table_valued("named", with_ordinality="n", name="given")
    given = given.render_derived()
    begin, over = days(given.c.named)
    zone = func.split_part(given.c.named, "|", literal_column("3"))
    dates = (cast(func.timezone(zone, each), Date) for each in (begin, begin - literal_column("interval '1 second'")))
    columns = [each.label(f"c{index}") for index, each in enumerate((begin, over, *dates))]
    made = statement("days of every zone", lambda: select(*columns).order_by(given.c.n))
    database = Database(world)
    await database.open()
    async with database.reader(larkspur) as reader:
        text = {"named": [f"{day}|{day}|{zone}" for zone, day in asked], "tenant": larkspur, "param_1": "|"}
        rows = await reader.fetch(made.sql, *made.values(text | {"split_part_1": "|"}))
    await database.close()
    before = None
    for (name, day), row in zip(asked, rows, strict=True):
        begins, ends, first, last = row
        told = (name, day, begins, ends)
        assert begins < ends or first > day, told  # there was no such day
        if begins < ends and not (name in TWICE and day.year <= 2011):
            assert first == day > last, told
        if before is not None and before[0] == (name, day - timedelta(days=1)):
            assert before[1] == begins, told
        before = ((name, day), ends)


@pytest.mark.parametrize("unit", ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
@pytest.mark.parametrize("zone", [*ZONES, "America/Havana", "Atlantic/Azores"])
async def test_a_periods_days_have_its_rows(ask: Asker, clock: Oddments, zone: str, unit: str) -> None:
    """``within`` a group's days finds the rows of the group, and so do its ends."""
    text = """query ($unit: PeriodUnit!, $zone: TimeZone) { orders(first: 0) { groups(by: [{placedAt: $unit}], first: 1000,
        timeZone: $zone) { nodes { key { placedAt { date start end } } aggregate { count } } } } }"""
    found = (await ask(text, clock.tenant, {"unit": unit, "zone": zone})).good["orders"]["groups"]["nodes"]
    chosen = found[:: max(1, len(found) // 12)]
    variables: dict[str, Any] = {}
    parts, kinds = [], []
    for index, each in enumerate(chosen):
        period = each["key"]["placedAt"]
        end = datetime.fromisoformat(period["end"]).astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        variables |= {
            f"a{index}": {"within": {"from": period["date"], "through": end.isoformat(), "timeZone": zone}},
            f"b{index}": {"gte": period["start"], "lt": period["end"]},
        }
        kinds += [f"$a{index}: DateTimeFilter, $b{index}: DateTimeFilter"]
        parts += [
            f"{way}{index}: orders(where: {{placedAt: ${way}{index}}}) {{ aggregate {{ count }} }}" for way in "ab"
        ]
    counts = (await ask(f"query ({', '.join(kinds)}) {{ {' '.join(parts)} }}", clock.tenant, variables)).good
    for index, each in enumerate(chosen):
        assert counts[f"a{index}"] == counts[f"b{index}"] == {"aggregate": each["aggregate"]}


async def test_days_are_the_tenants_where_no_zone_is_named(ask: Asker, clock: Oddments) -> None:
    text = """query ($days: Days) { orders(where: {placedAt: {within: $days}}) { totalCount { value } } }"""

    async def count(**given: str | None) -> int:
        return int((await ask(text, clock.tenant, {"days": given})).good["orders"]["totalCount"]["value"])

    some = {"from": "2024-10-27", "through": "2024-10-27"}
    assert await count(**some) == await count(**some, timeZone="UTC") == 48
    assert await count(**some, timeZone="Europe/Berlin") == 50  # a day of 25 hours
    everything = len(clock["orders"])
    assert await count() == everything
    later, earlier = await count(**{"from": "2024-01-02"}), await count(through="2024-01-01")
    assert 0 < later < everything
    assert later + earlier == everything
    assert await count(**{"from": "2024-10-28", "through": "2024-10-27"}) == 0


@pytest.mark.parametrize(
    "day", ["2024-02-30", "2024-1-1", "24-01-01", "2024-01-01T00:00:00Z", "", "10000-01-01", 20240101]
)
async def test_what_is_no_day_is_refused(ask: Asker, clock: Oddments, day: object) -> None:
    text = "query ($day: Date) { orders(where: {placedAt: {within: {from: $day}}}) { totalCount { value } } }"
    answer = await ask(text, clock.tenant, {"day": day})
    assert (answer.data, len(answer.errors), answer.ran) == (None, 1, [])
    assert "2026-10-31" in answer.errors[0].message


@pytest.mark.parametrize("ends", [("0001-01-01", "9999-12-31"), ("9999-12-31", None), (None, "0001-01-01")])
async def test_the_first_and_the_last_day_can_be_named(ask: Asker, clock: Oddments, ends: tuple[Any, Any]) -> None:
    text = "query ($days: Days) { orders(where: {placedAt: {within: $days}}) { totalCount { value } } }"
    days_ = {"from": ends[0], "through": ends[1], "timeZone": "Pacific/Kiritimati"}
    found = (await ask(text, clock.tenant, {"days": days_})).good["orders"]["totalCount"]["value"]
    assert found == (len(clock["orders"]) if all(ends) else 0)
