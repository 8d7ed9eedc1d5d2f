"""Lists put into groups: periods and bands, and how an entity's groups declare what they have in common."""

from enum import Enum
from typing import Any

import strawberry

from execution import POINT, BatchField, argument, number
from loaders.kit.entity import Entity
from loaders.kit.grouping import MAX_GROUPS, REST, SHARE, WHOLE
from loaders.kit.one import One
from resolvers import aggregates, columns, relations
from schema.fields import NUMBER, batched, computed, each_row, fact, guarded
from schema.inputs import group_inputs
from schema.scalars import CurrencyCode, Date, DateTime, Decimal, TimeZone

USUAL_GROUPS = 100


@strawberry.enum(description="How long a period is. Weeks begin on Monday, as in ISO 8601.")
class PeriodUnit(Enum):
    HOUR = strawberry.enum_value(
        "HOUR", description="By the clock of the time zone; the hour that a clock change repeats is two."
    )
    DAY = strawberry.enum_value("DAY", description="A calendar day: 23, 24 or 25 hours.")
    WEEK = strawberry.enum_value("WEEK", description="Monday to Sunday.")
    MONTH = strawberry.enum_value("MONTH", description="A calendar month.")
    QUARTER = strawberry.enum_value("QUARTER", description="Three months, from January, April, July or October.")
    YEAR = strawberry.enum_value("YEAR", description="A calendar year.")


@strawberry.enum(description="A part of a point in time, whatever the day that it is on.")
class PeriodPart(Enum):
    HOUR_OF_DAY = strawberry.enum_value("HOUR_OF_DAY", description="0 to 23, by the clock of the time zone.")
    DAY_OF_WEEK = strawberry.enum_value("DAY_OF_WEEK", description="1 for Monday to 7 for Sunday.")
    MONTH_OF_YEAR = strawberry.enum_value("MONTH_OF_YEAR", description="1 to 12.")


@strawberry.type(description="A stretch of time, by which rows are put into groups.")
class Period:
    unit: PeriodUnit = fact("How long it is.", "unit")
    date: Date = computed(
        "The day on which it begins, in the time zone of the groups.", columns.stored("date"), ["@date"], width=12
    )
    start: DateTime = computed("When it begins: for gte in a where.", aggregates.moment("start"), ["@start"], width=22)
    end: DateTime = computed(
        "When it is over and the next one begins: for lt in a where.", aggregates.moment("end"), ["@end"], width=22
    )


def _edge(name: str, description: str) -> Any:
    return BatchField(columns.stored(name), final=True, name=name, width=NUMBER, description=description)


@strawberry.type(description="A stretch of numbers, by which rows are put into groups.")
class Band:
    from_: Decimal | None = _edge("from", "The smallest number in it; null for the lowest band.")
    below: Decimal | None = _edge("below", "The smallest number above it; null for the highest band.")


def key_value(name: str, description: str, permission: str | None = None) -> Any:
    """A value that the rows of a group have in common."""
    needs = [f"{aggregates.IN_KEY}{name}"]
    return BatchField(columns.stored(name), needs=needs, final=True, **guarded(description, permission))


def key_part(name: str, description: str) -> Any:
    """The same, of a type of its own: a period or a band."""
    needs = [f"{aggregates.IN_KEY}{name}"]
    return BatchField(columns.stored(name), needs=needs, passes=True, description=description)


def key_record(name: str, loader: type[One], description: str) -> Any:
    """The record that the rows of a group have in common."""
    needs = [f"{aggregates.IN_KEY}{name}"]
    return BatchField(relations.one(loader, name), needs=needs, **guarded(description, loader.entity.permission))


def part(name: str, description: str, **price: Any) -> Any:
    """A part of groups, or of one."""
    return batched(description, columns.stored(name), passes=True, **price)


def rank() -> Any:
    return computed("Its place in the order of groups, from 1.", columns.stored("rank"))


def share() -> Any:
    return _share(
        "share",
        "Its part of the whole list, by the first sort that isn't KEY: 0 to 1, six decimals; null where there is nothing"
        " to share, as of different values.",
    )


def cumulative_share() -> Any:
    return _share(
        "cumulativeShare", "The part of this group and of those before it together: up to 0.8 are the A products."
    )


def _share(name: str, description: str) -> Any:
    return computed(description, columns.stored(name), [SHARE], width=NUMBER)


def common() -> Any:
    return batched("What they have in common.", aggregates.keys, passes=True)


def sums() -> Any:
    return part("aggregate", "Sums over them.")


def rest() -> Any:
    text = "The groups that having lets through beyond first, of their rows; null where there are none."
    return part("other", text, needs=[REST])


def groups_in_rest() -> Any:
    return computed("How many groups that are.", columns.stored("groupCount"))


def sums_of_rest() -> Any:
    return part("aggregate", "Sums over their rows.")


def total() -> Any:
    text = "All rows, whatever having says: the same as aggregate of the list."
    return part("total", text, needs=[WHOLE])


def groups(entity: Entity[Any], many: str, *, unit: bool) -> Any:
    """A connection put into groups. ``unit``: they may be compared by quantities, too."""
    inputs: tuple[Any, Any, Any] = group_inputs(entity, many, PeriodUnit, PeriodPart)
    by, having, order = inputs
    arguments = [
        argument("by", _list(by), "One to three dimensions; the first counts most when groups are sorted by key."),
        argument("having", having | None, "Only groups that meet this; total is of all rows all the same."),
        *_places(order),
        argument(
            "currency",
            CurrencyCode | None,
            "In which amounts are compared, for orderBy, having and share; the tenant's where left out.",
        ),
    ]
    if unit:
        text = "In which quantities are compared, for orderBy, having and share; pcs where left out."
        arguments.append(argument("unit", str | None, text))
    arguments.append(argument("timeZone", TimeZone | None, "In which periods begin; the tenant's where left out."))
    return _grouped(
        "The whole list, page or no page, put into groups; and sums over each.", aggregates.groups, *arguments, FILL
    )


def inner_groups(entity: Entity[Any], many: str) -> Any:
    """Groups of the same kind within a group."""
    by, _, order = group_inputs(entity, many, PeriodUnit, PeriodPart)
    arguments = [
        argument("by", _list(by), "One to three dimensions that the group's key doesn't have."),
        *_places(order),
        FILL,
    ]
    return _grouped(
        "The rows of this group in groups of their own, by the same currency, unit and time zone. Twice at most.",
        aggregates.inner_groups,
        *arguments,
    )


FILL = argument(
    "fill",
    bool,
    "Whether periods without rows are listed, too, between the days of the where or the first and the last row: by needs one"
    f" period, and at most {MAX_GROUPS:,} groups may come of it.",
    False,
)


def _places(order: Any) -> list[Any]:
    """The arguments for the order of groups, and for how many."""
    return [
        argument(
            "orderBy", _list(order) | None, "Up to three sorts of groups; by key where left out, and where equal."
        ),
        argument("first", int, f"How many groups, 1 to {MAX_GROUPS:,}; the rest of them is other.", USUAL_GROUPS),
    ]


def _grouped(description: str, resolve: Any, *arguments: Any) -> Any:
    return batched(
        description,
        resolve,
        *arguments,
        reads=2 * POINT,
        rows=lambda args, _above: number(args.get("first"), USUAL_GROUPS, MAX_GROUPS),
    )


def _list(item: Any) -> Any:
    return list[item]


def group_nodes() -> Any:
    return part("nodes", "The groups, in their order.", size=each_row)


def count_of_groups() -> Any:
    return computed("How many groups there are, with those beyond first.", columns.stored("groupCount"), [REST])


def zone_of_periods() -> Any:
    return computed("In which the periods begin.", columns.stored("timeZone"))
