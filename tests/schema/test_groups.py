"""Lists put into groups: those of plain Python over the same rows, in the same order, with the same rest and total."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput, Forbidden
from core.ids import new_id
from core.permissions import EVERYTHING, ROLES
from db.runtime.engine import Target
from services.platform import tenants
from tests.schema.test_filters import Trees, seen, wheres, written
from tests.support import numbers, oddments
from tests.support.graph import Asker
from tests.support.groups import MORE, grouped, selection
from tests.support.numbers import ASKED, CURRENCIES, SHOWN, UNITS
from tests.support.oddments import Oddments

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])

DIMENSIONS: dict[str, list[dict[str, Any]]] = {
    "orders": [
        *({"field": name} for name in ("CUSTOMER", "CUSTOMER_COUNTRY", "STATUS", "CURRENCY")),
        {"placedAt": "MONTH"},
        {"placedAtPart": "HOUR_OF_DAY"},
        {"age": [8, 31, 61]},
        {"total": ["0.01", "10", "20.5"]},
    ],
    "lineItems": [
        *({"field": name} for name in ("PRODUCT", "CUSTOMER", "CUSTOMER_COUNTRY", "ORDER_STATUS", "CURRENCY", "UNIT")),
        {"placedAt": "DAY"},
        {"placedAtPart": "DAY_OF_WEEK"},
        {"age": [1, 400]},
        {"quantity": ["1", "1.5", "3"]},
    ],
}
SORTS = {
    "orders": ("KEY", "COUNT", "TOTAL"),
    "lineItems": ("KEY", "COUNT", "ORDER_COUNT", "QUANTITY", "TOTAL", "OPEN_TOTAL"),
}
HAVINGS: list[dict[str, dict[str, str]]] = [{}, {}, {"count": {"gt": "1"}}, {"total": {"lte": "10"}}]
PARENTS = {"orders": "partners", "lineItems": "products"}
NAMES = {"orders": "Order", "lineItems": "LineItem"}


PARTS = ("aggregate", "share", "cumulativeShare", "groupCount", "other", "total")
"""What may be asked of groups, besides their keys and ranks."""


def query(
    field: str,
    by: list[dict[str, Any]],
    zone: str = "UTC",
    period: str = "date",
    sums: str | None = None,
    parts: Collection[str] = PARTS,
) -> str:
    """A list with its groups, at the root and of every parent; ``period``: what is asked of those."""
    name, unit = NAMES[field], ", unit: $unit" if field == "lineItems" else ""
    sums = ASKED[field] if sums is None else sums
    aggregate = f"aggregate {{ {sums} }}"
    texts = dict(
        zip(PARTS, (aggregate, *PARTS[1:4], f"other {{ groupCount {aggregate} }}", f"total {{ {sums} }}"), strict=True)
    )
    of_groups, of_all = ([texts[part] for part in PARTS[places] if part in parts] for places in (slice(3), slice(3, 6)))
    list_ = f"""{field}(first: 250, where: $where) {{ nodes {{ {SHOWN[field]} {MORE[field]} }}
        groups(by: $by, orderBy: $order, having: $having, first: $first, currency: $currency{unit}, timeZone: "{zone}") {{
            nodes {{ key {{ {selection(by, field, period)} }} rank {" ".join(of_groups)} }} {" ".join(of_all)} }} }}"""
    return f"""query ($where: {name}Where, $by: [{name}GroupBy!]!, $order: [{name}GroupOrderBy!], $having: {name}Having,
        $first: Int!, $currency: CurrencyCode{", $unit: String" if unit else ""}) {{
        {list_} {PARENTS[field]}(first: 250) {{ nodes {{ {list_} }} }} }}"""


@pytest.fixture(scope="module")
async def mixed(world: Target) -> Oddments:
    return await numbers.load(world, "mixed in groups")


@pytest.fixture(scope="module")
def trees(mixed: Oddments) -> Trees:
    rows = seen(mixed)
    return rows, {field: questions(field, wheres(field, rows)) for field in DIMENSIONS}


def questions(field: str, where: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The arguments of a list and of its groups."""
    sort = st.fixed_dictionaries(
        {"field": st.sampled_from(SORTS[field]), "direction": st.sampled_from(["ASC", "DESC"])}
    )
    places = st.lists(st.integers(0, len(DIMENSIONS[field]) - 1), min_size=1, max_size=3, unique=True)
    return st.fixed_dictionaries(
        {
            "by": places.map(lambda chosen: [DIMENSIONS[field][place] for place in chosen]),
            "order": st.lists(sort, max_size=2, unique_by=lambda each: each["field"]),
            "having": st.sampled_from(HAVINGS),
            "first": st.sampled_from([1, 2, 3, 50]),
            "units": st.fixed_dictionaries({"currency": st.sampled_from(CURRENCIES), "unit": st.sampled_from(UNITS)}),
            "where": st.one_of(st.just({}), where),
            "breadth_first": st.booleans(),
        }
    )


@pytest.mark.parametrize("field", [*DIMENSIONS])
@settings(max_examples=8)
@given(data=st.data())
async def test_groups_are_those_of_the_list(
    ask: Asker, mixed: Oddments, trees: Trees, field: str, data: st.DataObject
) -> None:
    drawn = data.draw(trees[1][field])
    by, order, having, first = drawn["by"], drawn["order"], drawn["having"], drawn["first"]
    units, where = drawn["units"], written(drawn["where"])
    variables = {"where": where, "by": by, "order": order, "having": having, "first": first, **units}
    if field == "orders":
        del variables["unit"]
    now = datetime.now(UTC)
    answer = await ask(query(field, by), mixed.tenant, variables, breadth_first=drawn["breadth_first"])
    found = [answer.good[field], *(each[field] for each in answer.good[PARENTS[field]]["nodes"])]
    for each in found:
        assert each["groups"] == grouped(field, each["nodes"], by, order, first, having, units, now)


@pytest.mark.parametrize("field", [*DIMENSIONS])
@settings(max_examples=4)
@given(data=st.data())
async def test_a_partners_numbers_are_the_fold_of_its_own_list(
    ask: Asker, mixed: Oddments, trees: Trees, field: str, data: st.DataObject
) -> None:
    """Sums, groups, ranks, shares, the rest: nothing of them knows of rows that the list doesn't show."""
    drawn = data.draw(trees[1][field])
    by, order, having, first, units = (drawn[name] for name in ("by", "order", "having", "first", "units"))
    variables = {"where": {}, "by": by, "order": order, "having": having, "first": first, **units}
    if field == "orders":
        del variables["unit"]
    lined = {row["order_id"] for row in mixed["line_items"]}
    partner = data.draw(st.sampled_from(sorted({row["customer_id"] for row in mixed["orders"] if row["id"] in lined})))
    permissions, now = frozenset(ROLES["partner"]), datetime.now(UTC)
    answer = await ask(
        query(field, by),
        mixed.tenant,
        variables,
        partner=partner,
        permissions=permissions,
        breadth_first=drawn["breadth_first"],
    )
    found = answer.good[field]
    assert 0 < len(found["nodes"]) < len(mixed["orders" if field == "orders" else "line_items"])
    for each in (found, *(each[field] for each in answer.good[PARENTS[field]]["nodes"])):
        assert each["groups"] == grouped(field, each["nodes"], by, order, first, having, units, now)


async def test_groups_add_up_to_the_total_with_what_is_left(ask: Asker, larkspur: UUID) -> None:
    """Of the demo, too: what is shown and the rest are all, in counts and in sums."""
    text = """{ lineItems { aggregate { count total { sum { amount } } } groups(
        by: [{field: CUSTOMER_COUNTRY}, {placedAt: MONTH}], orderBy: [{field: TOTAL, direction: DESC}], first: 7) {
        nodes { share cumulativeShare aggregate { count total { sum { amount } } } } groupCount timeZone
        other { groupCount aggregate { count total { sum { amount } } } } total { count total { sum { amount } } } } } }"""
    found = (await ask(text, larkspur)).good["lineItems"]
    groups = found["groups"]
    parts = [*(each["aggregate"] for each in groups["nodes"]), groups["other"]["aggregate"]]
    assert groups["total"] == found["aggregate"]
    assert len(groups["nodes"]) == 7
    assert groups["groupCount"] == 7 + groups["other"]["groupCount"]
    assert sum(part["count"] for part in parts) == found["aggregate"]["count"]
    amounts = [Decimal(part["total"][0]["sum"]["amount"]) for part in parts]
    assert sum(amounts) == Decimal(found["aggregate"]["total"][0]["sum"]["amount"])
    assert amounts[:-1] == sorted(amounts[:-1], reverse=True)
    shares = [Decimal(each["share"]) for each in groups["nodes"]]
    assert abs(sum(shares) - Decimal(groups["nodes"][-1]["cumulativeShare"])) < Decimal("0.00001")


async def test_the_tenants_currency_and_zone_are_taken_where_none_is_given(ask: Asker, world: Target) -> None:
    tenant = await tenants.create(world, "groups of none", "JPY", "Asia/Kathmandu")
    text = """{ orders { groups(by: [{placedAt: DAY}], orderBy: [{field: TOTAL}]) { nodes { rank } groupCount other { groupCount }
        total { count total { currency } } timeZone } } }"""
    answer = await ask(text, tenant)
    assert answer.good["orders"]["groups"] == {
        "nodes": [],
        "groupCount": 0,
        "other": None,
        "total": {"count": 0, "total": []},
        "timeZone": "Asia/Kathmandu",
    }
    assert len(answer.ran) == 2  # the tenant, and the groups


# ---------------------------------------------------------------- time

ZONES = {
    "Europe/Berlin": ("2024-03-31T01:00Z", "2024-10-27T01:00Z"),
    "America/New_York": ("2024-11-03T06:00Z",),
    "America/Sao_Paulo": ("2013-10-20T03:00Z",),
    "Asia/Kolkata": ("2024-01-01T00:00Z",),
    "Asia/Kathmandu": ("2024-01-01T00:00Z",),
    "Pacific/Chatham": ("2024-04-06T14:00Z",),
    "Australia/Lord_Howe": ("2024-04-06T15:00Z", "2024-10-05T15:30Z"),
    "Pacific/Apia": ("2011-12-30T10:00Z",),
    "Africa/Casablanca": ("2023-03-19T02:00Z",),
}
"""Time zones and where their clocks change, or are odd: in the past, of which all databases of time zones know the same."""


@pytest.fixture(scope="module")
async def clock(world: Target) -> Oddments:
    """A tenant with an order each half hour around every one of these, and at 23:30 and 00:30."""
    partner = oddments._partners()[0]
    moments = sorted(
        {
            datetime.fromisoformat(each) + timedelta(minutes=30 * step)
            for changes in ZONES.values()
            for each in changes
            for step in range(-60, 61)
        }
    )
    orders = [
        {
            "id": new_id(),
            "number": f"T-{index:05}",
            "status": "CLOSED",
            "customer_id": partner["id"],
            "currency": "EUR",
            "placed_at": at,
        }
        for index, at in enumerate(moments)
    ]
    return await oddments.stored(world, "clock", {"partners": [partner], "orders": orders})


@pytest.mark.parametrize("unit", ["HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
@pytest.mark.parametrize("zone", [*ZONES])
async def test_every_row_is_in_one_period(ask: Asker, clock: Oddments, zone: str, unit: str) -> None:
    """Periods follow one another without gap or overlap, and have the rows that a filter by their ends finds."""
    text = """query ($unit: PeriodUnit!, $zone: TimeZone) { orders(first: 0) { groups(by: [{placedAt: $unit}], first: 1000,
        timeZone: $zone) { nodes { key { placedAt { unit date start end } } aggregate { count placedAt { min max } } } } } }"""
    found = (await ask(text, clock.tenant, {"unit": unit, "zone": zone})).good["orders"]["groups"]["nodes"]
    times = sorted(row["placed_at"] for row in clock["orders"])
    assert sum(each["aggregate"]["count"] for each in found) == len(times)
    before = None
    dates = []
    for each in found:
        period = each["key"]["placedAt"]
        start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
        inside = [at for at in times if start <= at < end]
        assert each["aggregate"]["count"] == len(inside) > 0
        assert datetime.fromisoformat(each["aggregate"]["placedAt"]["min"]) == inside[0]
        assert before is None or before <= start < end
        before = end
        local = start.astimezone(ZoneInfo(zone))
        assert period["date"] == local.date().isoformat()
        assert period["unit"] == unit
        dates.append((unit == "HOUR" and start, period["date"]))
        days = {"DAY": {local.weekday()}, "WEEK": {0}}.get(unit)
        assert days is None or local.weekday() in days
        if unit in ("MONTH", "QUARTER", "YEAR"):
            assert local.day == 1
            assert local.month in {"MONTH": range(1, 13), "QUARTER": (1, 4, 7, 10), "YEAR": (1,)}[unit]
    assert len(dates) == len({*dates})


async def test_the_hour_that_a_clock_change_repeats_is_two(ask: Asker, clock: Oddments) -> None:
    text = """{ orders(where: {placedAt: {gte: "2024-10-26T23:00:00Z", lt: "2024-10-27T02:00:00Z"}}) {
        groups(by: [{placedAt: HOUR}], timeZone: "Europe/Berlin") { nodes { key { placedAt { start } } } } } }"""
    found = (await ask(text, clock.tenant)).good["orders"]["groups"]["nodes"]
    starts = [each["key"]["placedAt"]["start"] for each in found]
    assert starts == ["2024-10-26T23:00:00Z", "2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z"]


@pytest.mark.parametrize("zone", ["Berlin+2", "XYZ-14", "CET", "+02:00", "", "europe/berlin", "Europe/Nowhere"])
async def test_what_is_no_time_zone_is_refused(ask: Asker, clock: Oddments, zone: str) -> None:
    text = "query ($zone: TimeZone) { orders { groups(by: [{placedAt: DAY}], timeZone: $zone) { groupCount } } }"
    answer = await ask(text, clock.tenant, {"zone": zone})
    assert (answer.data, len(answer.errors), answer.ran) == (None, 1, [])
    assert "IANA" in answer.errors[0].message


# ---------------------------------------------------------------- what is refused


@EXECUTORS
@pytest.mark.parametrize(
    "arguments, path",
    [
        ("by: []", ("by",)),
        ("by: [{field: STATUS}, {field: CURRENCY}, {placedAt: DAY}, {age: [1]}]", ("by",)),
        ("by: [{field: STATUS}, {field: STATUS}]", ("by", 1)),
        ("by: [{placedAt: DAY}, {placedAt: MONTH}]", ("by", 1)),
        ("by: [{age: []}]", ("by", 0, "age")),
        ("by: [{age: [8, 8]}]", ("by", 0, "age", 1)),
        ('by: [{total: ["2", "10", "3"]}]', ("by", 0, "total", 2)),
        ("by: [{field: STATUS}], first: 0", ("first",)),
        ("by: [{field: STATUS}], first: 1001", ("first",)),
        ("by: [{field: STATUS}], orderBy: [{field: COUNT}, {field: COUNT}]", ("orderBy", 1, "field")),
        ("by: [{field: STATUS}], having: {count: {gt: null}}", ("having", "count", "gt")),
    ],
)
async def test_arguments_that_make_no_sense(
    ask: Asker, mixed: Oddments, arguments: str, path: tuple[str | int, ...], *, breadth_first: bool
) -> None:
    text = f"{{ orders {{ groups({arguments}) {{ groupCount }} }} }}"
    answer = await ask(text, mixed.tenant, breadth_first=breadth_first)
    assert answer.refusal == (["orders", "groups"], path)
    assert all("FROM orders" not in ran.sql for ran in answer.ran)


@EXECUTORS
async def test_a_key_that_by_doesnt_name_is_an_error(ask: Asker, mixed: Oddments, *, breadth_first: bool) -> None:
    text = "{ orders { groups(by: [{field: STATUS}]) { nodes { key { status currency } } } } }"
    answer = await ask(text, mixed.tenant, breadth_first=breadth_first)
    [error] = answer.errors
    assert isinstance(error.original_error, BadInput)
    assert "currency" in error.message
    assert all("FROM orders" not in ran.sql for ran in answer.ran)


@EXECUTORS
@pytest.mark.parametrize(
    "by, missing",
    [
        ("{field: CUSTOMER}", "partners:read"),
        ("{placedAt: DAY}, {field: CUSTOMER_COUNTRY}", "partners:read"),
        ("{field: PRODUCT}", "catalog:read"),
        ("{field: UNIT}", "catalog:read"),
    ],
)
async def test_a_dimension_needs_what_it_tells_of(
    ask: Asker, mixed: Oddments, by: str, missing: str, *, breadth_first: bool
) -> None:
    text = f"{{ lineItems {{ groups(by: [{by}]) {{ groupCount }} }} }}"
    answer = await ask(text, mixed.tenant, permissions=EVERYTHING - {missing}, breadth_first=breadth_first)
    [error] = answer.errors
    assert isinstance(error.original_error, Forbidden)
    assert missing in error.message
    assert all("FROM line_items" not in ran.sql for ran in answer.ran)
    assert not (await ask(text, mixed.tenant, breadth_first=breadth_first)).errors


@EXECUTORS
async def test_a_partners_groups_are_of_its_own(ask: Asker, mixed: Oddments, *, breadth_first: bool) -> None:
    partner = mixed["partners"][1]["id"]
    text = """{ lineItems(first: 250) { nodes { id } groups(by: [{field: PRODUCT}], first: 2, orderBy: [{field: TOTAL}]) {
        nodes { key { product { sku } } aggregate { count } } groupCount other { aggregate { count customerCount } }
        total { count customerCount } } } }"""
    answer = await ask(
        text, mixed.tenant, partner=partner, permissions=frozenset(ROLES["partner"]), breadth_first=breadth_first
    )
    found = answer.good["lineItems"]
    orders = {row["id"] for row in mixed["orders"] if row["customer_id"] == partner}
    own = [row for row in mixed["line_items"] if row["order_id"] in orders]
    groups = found["groups"]
    assert len(found["nodes"]) == groups["total"]["count"] == len(own) < len(mixed["line_items"])
    assert groups["groupCount"] == len({row["product_id"] for row in own})
    assert groups["total"]["customerCount"] == groups["other"]["aggregate"]["customerCount"] == 1


@EXECUTORS
async def test_groups_take_a_statement_for_a_level(ask: Asker, larkspur: UUID, *, breadth_first: bool) -> None:
    for size in (2, 20):
        text = f"""{{ products(first: {size}) {{ nodes {{ lineItems {{ groups(by: [{{placedAt: MONTH}}, {{field: CUSTOMER}}],
            timeZone: "UTC", currency: EUR) {{ nodes {{ key {{ customer {{ name }} }} aggregate {{ {ASKED["lineItems"]} }} }}
            total {{ {ASKED["lineItems"]} }} }} }} }} }} }}"""
        answer = await ask(text, larkspur, breadth_first=breadth_first)
        assert len(answer.good["products"]["nodes"]) == size
        assert len(answer.ran) == 3  # the products, their groups, the customers of those
