"""The shapes that every module uses: nodes, money, filters, connections."""

from enum import Enum
from typing import Any, Generic, TypeVar

import strawberry

from execution import POINT, Args, argument, number
from resolvers import columns, relations
from schema.fields import CURRENCY, NUMBER, batched, computed, each_row, same
from schema.scalars import CurrencyCode, Date, DateTime, Decimal, TimeZone

T = TypeVar("T")


@strawberry.interface(description="Anything with an id that node and nodes accept.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, unique over all types: a short type prefix and the row's UUIDv7, such as ord_0193e0…"
    )

    @classmethod
    def resolve_type(cls, row: Any, _info: Any, _type: Any) -> str:
        name: str = row.typename
        return name


@strawberry.type(description="An exact amount and its currency.")
class Money:
    amount: Decimal = computed(
        "Totals carry exactly the currency's minor digits, unit prices at least those and at most six.",
        columns.item(0),
        width=NUMBER,
    )
    currency: CurrencyCode = computed(
        "The currency of the amount: an ISO 4217 alphabetic code.", columns.item(1), width=CURRENCY
    )


@strawberry.type(description="A count that stays cheap: counting stops at the cap, and exact is false where it did.")
class Count:
    value: int = computed("The number of rows, or the cap.", columns.item(0))
    exact: bool = computed("False where there are more rows than value.", columns.item(1))


@strawberry.type(description="A page's place in its list.")
class PageInfo:
    has_next_page: bool = computed("Whether rows follow this page.", relations.has_next, [relations.MORE])
    has_previous_page: bool = computed("Whether rows precede this page.", relations.has_previous, [relations.MORE])
    start_cursor: str | None = computed(
        "The cursor of the first row; null on an empty page.", relations.start_cursor, [relations.CURSOR]
    )
    end_cursor: str | None = computed(
        "The cursor of the last row, for after; null on an empty page.", relations.end_cursor, [relations.CURSOR]
    )


@strawberry.type(description="A row of a list and its place there.")
class Edge(Generic[T]):
    node: T = batched("The row itself; nodes has the same rows without cursors.", columns.item(0), passes=True, cost=0)
    cursor: str = computed("The row's place in this list, for after and before.", relations.cursor, [relations.CURSOR])


def counting(args: Args, _rows: int) -> int:
    """What counting takes: a point for each thousand rows that it may count, beside that for the count itself."""
    return number(args.get("max"), relations.USUAL_COUNT, relations.MAX_COUNT) * POINT // 1_000


PAGE_OF_LIST = "A page of a list, its place in the list, and the length of the list."


@strawberry.type(description=PAGE_OF_LIST)
class Connection(Generic[T]):
    edges: list[Edge[T]] = batched(
        "The rows of the page with their cursors.", relations.edges, needs=[relations.PAGE], passes=True, size=each_row
    )
    nodes: list[T] = batched(
        "The rows of the page, without edges and cursors.",
        relations.nodes,
        needs=[relations.PAGE],
        passes=True,
        size=each_row,
    )
    page_info: PageInfo = same("The page's place in the list.", cost=0, besides=each_row)  # a leaf for each row
    total_count: Count = batched(
        "The number of rows in the whole list. Counted only when requested.",
        relations.total_count,
        argument(
            "max",
            int | None,
            f"Where counting stops, at most {relations.MAX_COUNT:,}: a lower cap is cheaper.",
            relations.USUAL_COUNT,
        ),
        besides=counting,
    )


@strawberry.enum(description="Which end of a sorted list comes first.")
class SortDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest first; nulls last.")
    DESC = strawberry.enum_value("DESC", description="Largest first; nulls first.")


SORTED_BY = "The value to sort by; rows with equal values are sorted by the next entry."
DIRECTION = "ASC, the smallest first, or DESC, the largest first."
"""The two parts of a sort."""


def comparison(description: str, name: str | None = None) -> Any:
    """A comparison of a filter: left out where it isn't wanted."""
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


_EQ, _NE = "Exactly this; a null is never equal.", "Not equal to this; a null is never equal."
_IN, _NOT_IN = "One of these, at most 500. An empty list matches nothing.", "None of these, at most 500. A null passes."
_NULL = "true: the value is null; false: it isn't null."


@strawberry.input(description="Compares ids as the graph gives them.")
class IDFilter:
    eq: strawberry.ID | None = comparison(_EQ)
    ne: strawberry.ID | None = comparison(_NE)
    in_: list[strawberry.ID] | None = comparison(_IN, "in")
    not_in: list[strawberry.ID] | None = comparison(_NOT_IN)
    is_null: bool | None = comparison(_NULL)


@strawberry.input(description="Compares text. eq, ne, in and notIn are exact; contains and startsWith ignore case.")
class StringFilter:
    eq: str | None = comparison(_EQ)
    ne: str | None = comparison(_NE)
    in_: list[str] | None = comparison(_IN, "in")
    not_in: list[str] | None = comparison(_NOT_IN)
    contains: str | None = comparison("Contains this text, in any case; not empty.")
    starts_with: str | None = comparison("Begins with this text, in any case; not empty.")
    is_null: bool | None = comparison(_NULL)


@strawberry.input(description="Compares numbers exactly, never as floats.")
class DecimalFilter:
    eq: Decimal | None = comparison(_EQ)
    ne: Decimal | None = comparison(_NE)
    gt: Decimal | None = comparison("Greater than this.")
    gte: Decimal | None = comparison("Greater than or equal to this.")
    lt: Decimal | None = comparison("Less than this.")
    lte: Decimal | None = comparison("Less than or equal to this.")
    is_null: bool | None = comparison(_NULL)


@strawberry.input(
    description="Calendar days, both ends included, each with as many hours as it has in its time zone: 23, 24 or 25."
)
class Days:
    from_: Date | None = comparison("The first day; left out: since ever.", "from")
    through: Date | None = comparison("The last day, to its end; left out: for ever.")
    time_zone: TimeZone | None = comparison("In which days begin; the tenant's where left out.")


@strawberry.input(description="Compares points in time; the offsets that they are written with make no difference.")
class DateTimeFilter:
    eq: DateTime | None = comparison(_EQ)
    gt: DateTime | None = comparison("Later than this.")
    gte: DateTime | None = comparison("At this time or later.")
    lt: DateTime | None = comparison("Earlier than this.")
    lte: DateTime | None = comparison("At this time or earlier.")
    within: Days | None = comparison("On one of these days: the same as those of groups.")
    is_null: bool | None = comparison(_NULL)


@strawberry.input(description="Compares days of the calendar.")
class DateFilter:
    eq: Date | None = comparison("Exactly this day; a null is never equal.")
    gt: Date | None = comparison("Later than this day.")
    gte: Date | None = comparison("On this day or later.")
    lt: Date | None = comparison("Before this day.")
    lte: Date | None = comparison("On this day or before.")
    is_null: bool | None = comparison(_NULL)


@strawberry.input(description="Compares true and false.")
class BooleanFilter:
    eq: bool | None = comparison(_EQ)
