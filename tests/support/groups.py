"""Groups in plain Python, over the rows that the graph shows: the model of every ``groups``."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

from tests.support.numbers import Node, fold, rounded, written

MORE = {
    "orders": "status currency customer { id country }",
    "lineItems": "order { id status placedAt customer { id country } } product { id unit }",
}
"""What is read of rows besides, for what they are put together by."""

Key = Callable[[Node], Any]
VALUES: dict[str, dict[str, tuple[str, Key]]] = {
    "orders": {
        "CUSTOMER": ("customer", lambda node: node["customer"]["id"]),
        "CUSTOMER_COUNTRY": ("customerCountry", lambda node: node["customer"]["country"]),
        "STATUS": ("status", lambda node: node["status"]),
        "CURRENCY": ("currency", lambda node: node["total"]["currency"]),
    },
    "lineItems": {
        "PRODUCT": ("product", lambda node: node["product"]["id"]),
        "CUSTOMER": ("customer", lambda node: node["order"]["customer"]["id"]),
        "CUSTOMER_COUNTRY": ("customerCountry", lambda node: node["order"]["customer"]["country"]),
        "ORDER_STATUS": ("orderStatus", lambda node: node["order"]["status"]),
        "CURRENCY": ("currency", lambda node: node["total"]["currency"]),
        "UNIT": ("unit", lambda node: node["product"]["unit"]),
    },
}
BANDS: dict[str, dict[str, Key]] = {
    "orders": {"total": lambda node: Decimal(node["total"]["amount"])},
    "lineItems": {"quantity": lambda node: Decimal(node["quantity"])},
}
RECORDS = ("product", "customer")
RANKED = {
    "COUNT": ("count", None),
    "ORDER_COUNT": ("orderCount", None),
    "QUANTITY": ("quantity", "unit"),
    "TOTAL": ("total", "currency"),
    "OPEN_TOTAL": ("openTotal", "currency"),
}


def placed(node: Node) -> datetime:
    return datetime.fromisoformat(node.get("placedAt") or node["order"]["placedAt"])


def selection(by: Sequence[Mapping[str, Any]], field: str, period: str = "date") -> str:
    """What to ask of a key: what by names; ``period``: what of those."""
    parts = []
    for each in by:
        ((name, given),) = each.items()
        key = VALUES[field][given][0] if name == "field" else name
        inner = {"placedAt": f"{{ {period} }}", **dict.fromkeys(("age", "total", "quantity"), "{ from below }")}
        parts.append(f"{key} {'{ id }' if key in RECORDS else inner.get(key, '')}")
    return " ".join(parts)


def first_day(day: date, unit: str) -> date:
    """Of the period that a day is in."""
    months = {"MONTH": day.month, "QUARTER": day.month - (day.month - 1) % 3, "YEAR": 1}
    if unit in months:
        return day.replace(month=months[unit], day=1)
    return day - timedelta(days=day.weekday()) if unit == "WEEK" else day


def key_of(node: Node, each: Mapping[str, Any], field: str, now: datetime, zone: tzinfo = UTC) -> tuple[str, Any, Any]:
    """One dimension's value of a row: its name, the value to sort by, and the value as a key has it."""
    ((name, given),) = each.items()
    if name == "field":
        key, of = VALUES[field][given]
        value = of(node)
        return key, value, {"id": value} if key in RECORDS else value
    at = placed(node).astimezone(zone)
    if name == "placedAt":
        begins = first_day(at.date(), given)
        return name, begins, {"date": begins.isoformat()}
    if name == "placedAtPart":
        part = {"HOUR_OF_DAY": at.hour, "DAY_OF_WEEK": at.isoweekday(), "MONTH_OF_YEAR": at.month}[given]
        return name, part, part
    number = Decimal((now - at).days) if name == "age" else BANDS[field][name](node)
    index = sum(number >= Decimal(limit) for limit in given)
    edges = [None, *(written(Decimal(limit)) for limit in given), None]
    return name, index, {"from": edges[index], "below": edges[index + 1]}


def compare(one: Any, other: Any, *, falls: bool, last: bool) -> int:
    """Nulls are the largest, or last whichever way it is."""
    if one == other:
        return 0
    if one is None or other is None:
        smaller = other is None
        return (-1 if smaller else 1) * (-1 if falls and not last else 1)
    return (-1 if one < other else 1) * (-1 if falls else 1)


class Group:
    """Rows with a key; ``worth`` is what groups are compared by."""

    def __init__(
        self, key: tuple[Any, ...], shown: Node, nodes: list[Node], field: str, units: Mapping[str, str]
    ) -> None:
        self.key, self.shown, self.nodes = key, shown, nodes
        self.aggregate = fold(field, nodes)
        self.units = units

    def worth(self, name: str) -> Decimal | None:
        measure, unit = RANKED[name]
        found = self.aggregate[measure]
        if unit is None:
            return Decimal(found)
        of = [each for each in found if each[unit] == self.units[unit]]
        return Decimal(of[0]["sum"]["amount"] if unit == "currency" else of[0]["sum"]) if of else None


Sorts = Sequence[Mapping[str, str]]
HOLDS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "gt": lambda value, bound: value > bound,
    "lte": lambda value, bound: value <= bound,
}


def grouped(
    field: str,
    nodes: Sequence[Node],
    by: Sequence[Mapping[str, Any]],
    order: Sorts,
    first: int,
    having: Mapping[str, Mapping[str, str]],
    units: Mapping[str, str],
    now: datetime,
    zone: tzinfo = UTC,
) -> Node:
    """What ``groups`` has to say of a list."""
    rows: dict[tuple[Any, ...], list[Node]] = {}
    shown: dict[tuple[Any, ...], Node] = {}
    for node in nodes:
        parts = [key_of(node, each, field, now, zone) for each in by]
        key = tuple(value for _, value, _ in parts)
        rows.setdefault(key, []).append(node)
        shown[key] = {name: value for name, _, value in parts}
    groups = [Group(key, shown[key], rows[key], field, units) for key in rows]
    ranks = {measure: name for name, (measure, _) in RANKED.items()}
    for measure, comparison in having.items():
        for operation, bound in comparison.items():
            groups = [
                group
                for group in groups
                if (worth := group.worth(ranks[measure])) is not None and HOLDS[operation](worth, Decimal(bound))
            ]
    groups.sort(key=cmp_to_key(lambda one, other: _order(one, other, order)))
    nodes_ = groups[:first]
    rest = [node for group in groups[first:] for node in group.nodes]
    everything = Group((), {}, list(nodes), field, units)
    return {
        "nodes": [
            {"key": group.shown, "aggregate": group.aggregate, "rank": place, **share}
            for place, (group, share) in enumerate(zip(nodes_, _shares(nodes_, everything, order), strict=True), 1)
        ],
        "groupCount": len(groups),
        "other": {"groupCount": len(groups) - first, "aggregate": fold(field, rest)} if len(groups) > first else None,
        "total": everything.aggregate,
    }


def _order(one: Group, other: Group, order: Sorts) -> int:
    for sort in order:
        falls = sort["direction"] == "DESC"
        if sort["field"] == "KEY":
            pairs = zip(one.key, other.key, strict=True)
            found = next((each for pair in pairs if (each := compare(*pair, falls=falls, last=False))), 0)
        else:
            found = compare(one.worth(sort["field"]), other.worth(sort["field"]), falls=falls, last=True)
        if found:
            return found
    pairs = zip(one.key, other.key, strict=True)
    return next((each for pair in pairs if (each := compare(*pair, falls=False, last=False))), 0)


def _shares(groups: Sequence[Group], everything: Group, order: Sorts) -> list[dict[str, str | None]]:
    name = next((sort["field"] for sort in order if sort["field"] != "KEY"), None)
    whole = everything.worth(name) if name and name != "ORDER_COUNT" else None
    found: list[dict[str, str | None]] = []
    before = Decimal(0)
    for group in groups:
        if not whole or name is None:
            found.append({"share": None, "cumulativeShare": None})
            continue
        worth = group.worth(name)
        before += worth or 0
        part = None if worth is None else written(rounded(worth / whole, 6))
        found.append({"share": part, "cumulativeShare": written(rounded(before / whole, 6))})
    return found
