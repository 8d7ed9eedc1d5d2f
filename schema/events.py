"""The timeline of a record."""

from typing import Optional

import strawberry

from loaders import events as loaders
from resolvers import columns
from schema.fields import column, computed, many, moment, node_id, node_type
from schema.scalars import JSON, DateTime
from schema.shared import Connection, DateTimeFilter, Node, StringFilter, op


@strawberry.input(description="Conditions on events; all that are given must hold.")
class EventWhere:
    and_: list["EventWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["EventWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["EventWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    type: StringFilter | None = op("By what happened, such as order.confirmed.")
    occurred_at: DateTimeFilter | None = op("By when the change was made.")


@node_type(
    loaders.events,
    "A change of a record, stored with the change itself: who did what, when, and what it was before and after."
    " Never changed, never deleted.",
)
class Event(Node):
    id: strawberry.ID = node_id("evt")
    type: str = column("What happened, in the past tense, such as order.confirmed or stock.adjusted.", "type")
    occurred_at: DateTime = moment("When the change was made.", "occurred_at")
    principal: str = column("Who did it: the name of the key, or the subject of the token.", "principal")
    version: int | None = column(
        "The record's version after it; null for changes that raise none, such as those of a product's stock.",
        "version",
    )
    before: JSON | None = computed(
        "What the change replaced, by the names of fields; null where nothing was.",
        columns.parsed("before"),
        ["before"],
    )
    after: JSON | None = computed(
        "What is there since, or the facts of what happened: ids as the graph knows them, numbers as text.",
        columns.parsed("after"),
        ["after"],
    )


TIMELINE = "What happened to it, newest first. Data that were imported have no events."


def timeline(description: str = TIMELINE) -> Connection[Event]:
    """The field of a record's events."""
    found: Connection[Event] = many(description, loaders.EventsOf, "id", where=EventWhere)
    return found
