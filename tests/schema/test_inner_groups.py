"""Groups within groups, and periods without rows among groups."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from db.runtime.engine import Target
from tests.support import numbers
from tests.support.graph import Asker
from tests.support.groups import MORE, grouped, key_of
from tests.support.numbers import ASKED, SHOWN
from tests.support.oddments import Oddments

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
AGGREGATE = f"aggregate {{ {ASKED['lineItems']} }}"


@pytest.fixture(scope="module")
async def mixed(world: Target) -> Oddments:
    return await numbers.load(world, "mixed within groups")


OUTER: list[tuple[list[dict[str, Any]], str]] = [
    ([{"field": "CUSTOMER_COUNTRY"}], "customerCountry"),
    ([{"field": "PRODUCT"}], "product { id }"),
    ([{"placedAt": "MONTH"}, {"field": "CURRENCY"}], "placedAt { date } currency"),
    ([{"age": [1, 400]}, {"field": "UNIT"}], "age { from below } unit"),
]
UNITS = {"currency": "EUR", "unit": "pcs"}


@EXECUTORS
@pytest.mark.parametrize("by, key", OUTER, ids=str)
@pytest.mark.parametrize("nested", [False, True], ids=["root", "nested"])
async def test_inner_groups_are_those_of_the_groups_rows(
    ask: Asker, mixed: Oddments, by: list[dict[str, Any]], key: str, *, nested: bool, breadth_first: bool
) -> None:
    """As if each group were a list of its own: with its ranks, shares, rest and total."""
    inner: list[dict[str, Any]] = [{"field": "ORDER_STATUS"}, {"quantity": ["1", "2"]}]
    list_ = f"""lineItems(first: 250) {{ nodes {{ {SHOWN["lineItems"]} {MORE["lineItems"]} }}
        groups(by: $by, first: 3, orderBy: [{{field: TOTAL, direction: DESC}}], currency: EUR, timeZone: "UTC") {{ nodes {{
            key {{ {key} }} {AGGREGATE} groups(by: $inner, first: 2, orderBy: [{{field: COUNT, direction: DESC}}]) {{
                nodes {{ key {{ orderStatus quantity {{ from below }} }} {AGGREGATE} rank share cumulativeShare }}
                groupCount other {{ groupCount {AGGREGATE} }} total {{ {ASKED["lineItems"]} }} }} }} }} }}"""
    text = f"""query ($by: [LineItemGroupBy!]!, $inner: [LineItemGroupBy!]!) {{
        {f"partners(first: 250) {{ nodes {{ orders {{ nodes {{ {list_} }} }} }} }}" if nested else list_} }}"""
    answer = await ask(text, mixed.tenant, {"by": by, "inner": inner}, breadth_first=breadth_first)
    lists = (
        [order["lineItems"] for partner in answer.good["partners"]["nodes"] for order in partner["orders"]["nodes"]]
        if nested
        else [answer.good["lineItems"]]
    )
    now, seen = datetime.now(UTC), 0
    for each in lists:
        for group in each["groups"]["nodes"]:
            rows = [
                row
                for row in each["nodes"]
                if {name: shown for name, _, shown in (key_of(row, part, "lineItems", now) for part in by)}
                == group["key"]
            ]
            order = [{"field": "COUNT", "direction": "DESC"}]
            assert group["groups"] == grouped("lineItems", rows, inner, order, 2, {}, UNITS, now)
            assert group["groups"]["total"] == group["aggregate"]
            seen += 1
    assert seen >= 2


@EXECUTORS
async def test_groups_within_groups_within_groups(ask: Asker, mixed: Oddments, *, breadth_first: bool) -> None:
    """Twice: what they add up to is the group that they are of; and each level is one statement."""
    text = """{ lineItems { groups(by: [{field: CUSTOMER_COUNTRY}], currency: EUR) { nodes { aggregate { count }
        groups(by: [{field: PRODUCT}]) { nodes { aggregate { count } groups(by: [{placedAt: DAY}, {field: CURRENCY}]) {
            nodes { key { placedAt { date } currency } aggregate { count } } } } } } } } }"""
    answer = await ask(text, mixed.tenant, breadth_first=breadth_first)
    outer = answer.good["lineItems"]["groups"]["nodes"]
    for country in outer:
        middle = country["groups"]["nodes"]
        assert sum(each["aggregate"]["count"] for each in middle) == country["aggregate"]["count"]
        for each in middle:
            assert sum(cell["aggregate"]["count"] for cell in each["groups"]["nodes"]) == each["aggregate"]["count"]
    assert len(answer.ran) == 4  # the tenant's time zone, and three levels


@EXECUTORS
@pytest.mark.parametrize(
    "inner, path",
    [
        ("groups(by: [{field: PRODUCT}]) { groupCount }", ("by", 0)),
        ("groups(by: []) { groupCount }", ("by",)),
        ("groups(by: [{field: UNIT}], first: 0) { groupCount }", ("first",)),
        ("groups(by: [{field: UNIT}], fill: true) { groupCount }", ("fill",)),
        (
            "groups(by: [{field: UNIT}]) { nodes { groups(by: [{placedAt: DAY}]) { nodes { groups(by: [{age: [1]}]) { total { count } } } } } }",
            (),
        ),
    ],
)
async def test_inner_groups_that_make_no_sense(
    ask: Asker, mixed: Oddments, inner: str, path: tuple[str | int, ...], *, breadth_first: bool
) -> None:
    text = f"{{ lineItems {{ groups(by: [{{field: PRODUCT}}]) {{ nodes {{ {inner} }} }} }} }}"
    answer = await ask(text, mixed.tenant, breadth_first=breadth_first)
    assert {tuple(getattr(error.original_error, "path", ("?",))) for error in answer.errors} == {path}


# ---------------------------------------------------------------- periods without rows

FILLED = """query ($where: OrderWhere, $unit: PeriodUnit!, $zone: TimeZone) { orders(where: $where) {
    groups(by: [{placedAt: $unit}], first: 1000, timeZone: $zone, fill: true) { groupCount
        nodes { rank key { placedAt { date start end } } aggregate { count customerCount total { currency } placedAt { min } } }
        total { count } } } }"""


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "unit, first, last",
    [
        ("HOUR", "2024-04-05", "2024-04-07"),
        ("HOUR", "2024-10-26", "2024-10-27"),
        ("DAY", "2011-12-25", "2012-01-05"),
        ("DAY", "2013-10-15", "2013-10-25"),
        ("WEEK", "2023-12-20", "2024-01-20"),
        ("MONTH", "2023-11-15", "2024-12-02"),
        ("QUARTER", "2023-11-15", "2024-12-02"),
        ("YEAR", "2010-11-15", "2014-12-02"),
    ],
)
async def test_periods_without_rows_are_listed(
    ask: Asker, mixed: Oddments, zone: str, unit: str, first: str, last: str
) -> None:
    """One after another, from that of the first day of the filter to that of the last, whatever rows there are."""
    where = {"placedAt": {"within": {"from": first, "through": last, "timeZone": zone}}}
    found = (await ask(FILLED, mixed.tenant, {"where": where, "unit": unit, "zone": zone})).good["orders"]["groups"]
    periods = [each["key"]["placedAt"] for each in found["nodes"]]
    assert [each["rank"] for each in found["nodes"]] == [*range(1, len(periods) + 1)]
    assert found["groupCount"] == len(periods) > 1
    assert all(one["end"] == other["start"] for one, other in pairwise(periods))
    assert periods[0]["date"] <= first
    assert periods[-1]["date"] <= last
    for each in found["nodes"]:
        if not each["aggregate"]["count"]:
            assert each["aggregate"] == {"count": 0, "customerCount": 0, "total": [], "placedAt": {"min": None}}
    assert found["total"]["count"] == sum(each["aggregate"]["count"] for each in found["nodes"])
    if (zone, unit) == ("Pacific/Apia", "DAY") and first.startswith("2011"):
        assert "2011-12-30" not in [each["date"] for each in periods]


@EXECUTORS
async def test_between_the_first_and_the_last_row_where_no_days_are_given(
    ask: Asker, mixed: Oddments, *, breadth_first: bool
) -> None:
    """Of each list its own; a list without rows has none. What is not filled stays what it was."""
    text = """query ($fill: Boolean) { partners(first: 250) { nodes { orders(where: {not: {or: [
        {placedAt: {lt: "1900-01-01T00:00:00Z"}}, {placedAt: {gt: "2100-01-01T00:00:00Z"}}]}}) {
        groups(by: [{placedAt: MONTH}, {field: CURRENCY}], first: 1000, timeZone: "UTC", fill: $fill) {
            nodes { key { placedAt { date } currency } aggregate { count total { sum { amount } } } } } } } } }"""
    plain, filled = [
        [each["orders"]["groups"]["nodes"] for each in answer.good["partners"]["nodes"]]
        for answer in [
            await ask(text, mixed.tenant, {"fill": fill}, breadth_first=breadth_first) for fill in (False, True)
        ]
    ]
    assert any(plain)
    assert [[each for each in groups if each["aggregate"]["count"]] for groups in filled] == plain
    for groups, more in zip(plain, filled, strict=True):
        dates = [date for each in groups if (date := each["key"]["placedAt"]["date"])]
        currencies = {each["key"]["currency"] for each in groups}
        shown = {(each["key"]["placedAt"]["date"], each["key"]["currency"]) for each in more}
        assert len(shown) == len(more)
        months = {date for date, _ in shown}
        assert shown == {(date, currency) for date in months for currency in currencies}
        if dates:
            years = [int(each[:4]) * 12 + int(each[5:7]) for each in (min(dates), max(dates))]
            assert len(months) == years[1] - years[0] + 1


@pytest.mark.parametrize(
    "where, by, ok",
    [
        ({"placedAt": {"gte": "2024-01-01T00:00:00Z", "lt": "2026-09-27T00:00:00Z"}}, "DAY", True),  # 1,000
        ({"placedAt": {"gte": "2024-01-01T00:00:00Z", "lte": "2026-09-27T00:00:00Z"}}, "DAY", False),
        ({"placedAt": {"gt": "2000-12-31T23:59:59.999999Z", "lt": "2001-01-01T00:00:01Z"}}, "HOUR", True),
        (
            {"and": [{"placedAt": {"gte": "0001-01-01T00:00:00Z"}}, {"placedAt": {"lt": "9999-12-31T00:00:00Z"}}]},
            "HOUR",
            False,
        ),
        ({"placedAt": {"gt": "9999-12-31T23:59:59.999999Z", "lt": "0001-01-01T00:00:00Z"}}, "HOUR", True),
    ],
)
async def test_at_most_a_thousand_periods_are_filled(
    ask: Asker, mixed: Oddments, where: dict[str, Any], by: str, *, ok: bool
) -> None:
    answer = await ask(FILLED, mixed.tenant, {"where": where, "unit": by, "zone": "UTC"})
    if ok:
        assert answer.good["orders"]["groups"]["groupCount"] <= 1_000
    else:
        assert answer.refusal == (["orders", "groups"], ("fill",))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("unit", ["HOUR", "DAY", "YEAR"])
async def test_the_first_period_of_all_can_be_written(ask: Asker, mixed: Oddments, unit: str, zone: str) -> None:
    """By local time it began in the year before the first, which no client can read: it was an internal error."""
    where = {"placedAt": {"gte": "0001-01-01T00:00:00Z", "lt": "0001-01-01T02:00:00Z"}}
    answer = await ask(FILLED, mixed.tenant, {"where": where, "unit": unit, "zone": zone})
    assert 1 <= answer.good["orders"]["groups"]["groupCount"] <= 3


async def test_what_some_rows_need_not_meet_bounds_nothing(ask: Asker, mixed: Oddments) -> None:
    """Of an ``or``, of ``not``, and of another list's rows."""
    far = {"placedAt": {"gte": "2000-01-01T00:00:00Z"}}
    text = """query ($where: LineItemWhere) { lineItems(where: $where) {
        groups(by: [{placedAt: YEAR}], fill: true, timeZone: "UTC") { nodes { key { placedAt { date } } } } } }"""
    for where, begins in (
        ({"or": [{"orderWhere": far}, {"quantity": {"gt": "0"}}]}, None),
        ({"not": {"not": {"orderWhere": far}}}, None),
        ({"productWhere": {"lineItems": {"some": {"orderWhere": far}}}}, None),
        ({"orderWhere": {"customerWhere": {"orders": {"some": far}}}}, None),
        ({"quantity": {"gt": "0"}, "orderWhere": {"and": [far]}}, "2000-01-01"),
    ):
        nodes = (await ask(text, mixed.tenant, {"where": where})).good["lineItems"]["groups"]["nodes"]
        assert (nodes[0]["key"]["placedAt"]["date"] == "2000-01-01") == (begins is not None)


# ---------------------------------------------------------------- sorts of all line items


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["TOTAL", "PLACED_AT"])
async def test_line_items_by_what_their_order_tells(ask: Asker, mixed: Oddments, field: str, direction: str) -> None:
    """At the root and of a product, page by page, forward and backward."""
    text = """query ($by: [LineItemOrderBy!], $after: String) { lineItems(first: 7, after: $after, orderBy: $by) {
        nodes { id total { amount } order { placedAt } } pageInfo { endCursor hasNextPage } } }"""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        by = [{"field": field, "direction": direction}]
        page = (await ask(text, mixed.tenant, {"by": by, "after": after})).good["lineItems"]
        rows += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(rows) == len({row["id"] for row in rows}) == len(mixed["line_items"])
    worth = [
        Decimal(row["total"]["amount"]) if field == "TOTAL" else datetime.fromisoformat(row["order"]["placedAt"])
        for row in rows
    ]
    assert worth == sorted(worth, reverse=direction == "DESC")
    nested = f"""{{ products {{ nodes {{ lineItems(last: 3, orderBy: [{{field: {field}, direction: {direction}}}]) {{
        nodes {{ total {{ amount }} order {{ placedAt }} }} }} }} }} }}"""
    answer = await ask(nested, mixed.tenant)
    assert len(answer.ran) == 3
    assert any(each["lineItems"]["nodes"] for each in answer.good["products"]["nodes"])
