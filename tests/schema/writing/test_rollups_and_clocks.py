"""Sums from rollups of tenants whose clocks are odd: days of 23 and 25 hours, two midnights, none, and a date that never was."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from loaders.kit.rollups import MOST_DAYS
from tests.support.desk import Desk
from tests.support.firm import SUMS, Firm, groups

ZONES = {
    "Pacific/Apia": ("2011-12-30T10:00Z",),
    "America/Sao_Paulo": ("2013-10-20T03:00Z", "2014-02-16T02:00Z", "2014-01-01T02:00Z"),
    "Australia/Lord_Howe": ("2024-04-06T15:00Z", "2024-10-05T15:30Z", "2024-12-31T13:00Z"),
    "America/Havana": ("2024-11-03T05:00Z", "2024-03-10T05:00Z"),
    "America/St_Johns": ("2010-11-07T02:31Z", "2010-03-14T03:31Z"),
    "Asia/Kathmandu": ("2024-12-31T18:15Z", "2024-09-30T18:15Z"),
    "Pacific/Chatham": ("2024-04-06T14:00Z", "2024-12-31T10:15Z"),
    "Asia/Pyongyang": ("2018-05-04T15:00Z", "2015-08-14T15:00Z"),
    "America/Caracas": ("2016-05-01T07:00Z", "2016-04-01T04:30Z"),
}
"""Time zones, and where their clocks change or a quarter or a year ends."""

BY = {
    **{f"placedAt: {unit}": days for unit, days in MOST_DAYS.items() if "_OF_" not in unit},
    **{f"placedAtPart: {part}": days for part, days in MOST_DAYS.items() if "_OF_" in part},
}
"""All that cells can be put together by, of times, and how many days theirs may have."""

KEYS = {by: "placedAt { date start end }" for by in BY if "Part" not in by}


def drawn(dice: random.Random, days: Sequence[str]) -> str:
    """A list in groups by up to three dimensions that cells have, at least one of them a time: of all, or of some days."""
    times = dice.sample(["placedAt", "placedAt", "placedAtPart"], k=dice.choice([1, 1, 2]))
    units = {
        "placedAt": ["WEEK", "MONTH", "QUARTER", "YEAR", "QUARTER", "YEAR"],
        "placedAtPart": ["MONTH_OF_YEAR", "DAY_OF_WEEK"],
    }
    by = [f"{{ {name}: {dice.choice(units[name])} }}" for name in dict.fromkeys(times)]
    kept = dice.choice([("PRODUCT", "UNIT"), ("CUSTOMER", "CUSTOMER_COUNTRY"), ("ORDER_STATUS", "CURRENCY")])
    fields = [f"{{ field: {name} }}" for name in dice.sample([*kept, "CURRENCY", "ORDER_STATUS"], k=4)]
    by += [*dict.fromkeys(fields)][: dice.randint(0, 3 - len(by))]
    dice.shuffle(by)
    field, direction = dice.choice(["TOTAL", "COUNT", "QUANTITY", "KEY"]), dice.choice(["ASC", "DESC"])
    more = f", orderBy: [{{ field: {field}, direction: {direction} }}], first: {dice.choice([1, 3, 1000])}"
    more += dice.choice(["", ', having: { count: { gt: "1" } }'])
    keys = "placedAt { date start end }" if any("placedAt:" in each for each in by) else ""
    first, last = sorted(dice.choices(days, k=2))
    within = f'placedAt: {{ within: {{ from: "{first}", through: "{last}" }} }}'
    where = dice.choice(["", f"(where: {{ orderWhere: {{ {within} }} }})"])
    return f"{{ lineItems{where} {{ {groups(', '.join(by), more, keys=keys)} }} }}"


@pytest.mark.parametrize("zone", [*ZONES])
async def test_rows_at_odd_hours_are_in_the_cells_of_their_day(desk: Desk, zone: str) -> None:
    firm = Firm(desk, await desk.open(timezone=zone), 6)
    await firm.bustle.begin()
    changes = [datetime.fromisoformat(each) for each in ZONES[zone]]
    moments = [
        at + timedelta(minutes=minutes) for at in changes for minutes in (-1500, -61, -31, -1, 0, 29, 59, 89, 1500)
    ]
    for index, at in enumerate(moments):
        line = {"product": {"sku": "ABC"[index % 3]}, "quantity": "1", "unitPrice": f"{index + 1}.5"}
        given = {"customer": {"code": f"K{index % 3 + 1}"}, "lineItems": [line], "placedAt": at.isoformat()}
        await firm.clerk.do("orderCreate", given | {"confirm": True, "allowBackorder": True})
    await firm.fold()
    assert await firm.verify() == []
    days = Counter(f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}" for at in moments)
    for inside in ("", ", { field: PRODUCT }", ", { field: CUSTOMER_COUNTRY }"):
        for by, least in BY.items():
            query = f"{{ lineItems {{ {groups(f'{{ {by} }}{inside}', keys=KEYS.get(by, ''))} }} }}"
            served = await firm.agree(query)
            assert served or (inside and least == 1), (
                by,
                inside,
            )  # of long ago there are months by product and by customer
    dice = random.Random(zone)
    agreed = [await firm.agree(drawn(dice, [*days]), breadth_first=turn % 2 == 0) for turn in range(24)]
    assert sum(agreed) > 8
    answer = await firm.ask(
        f"{{ lineItems {{ {groups('{ placedAt: DAY }', keys='placedAt { date }')} }} }}", firm.clerk.tenant, rolled=True
    )
    nodes = answer.good["lineItems"]["groups"]["nodes"]
    assert {each["key"]["placedAt"]["date"]: each["aggregate"]["count"] for each in nodes} == days
    for day, count in days.items():
        within = f'placedAt: {{ within: {{ from: "{day}", through: "{day}" }} }}'
        query = f"{{ lineItems(where: {{ orderWhere: {{ {within} }} }}) {{ aggregate {{ {SUMS} }} }} }}"
        answer = await firm.ask(query, firm.clerk.tenant, rolled=True)
        assert answer.good == (await firm.ask(query, firm.clerk.tenant)).good
        if zone != "America/St_Johns":  # there a minute of a day came before an hour of the day before (ADR 40)
            assert answer.good["lineItems"]["aggregate"]["count"] == count, day
