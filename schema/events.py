"""The timeline of a record."""

import strawberry

from db import events as tables
from loaders import events as loaders
from resolvers import columns
from schema.fields import column, computed, many, moment, node_id, node_type
from schema.inputs import where_input
from schema.scalars import JSON, DateTime
from schema.shared import Connection, Node

EventWhere = where_input(loaders.events, "events")


@node_type(
    loaders.events,
    "A change of a record, stored with the change itself: who did what, when, and what it was before and after."
    " Never changed, never deleted.",
)
class Event(Node):
    id: strawberry.ID = node_id(loaders.events)
    type: str = column(
        tables.Event.type, "What happened, in the past tense, such as order.confirmed or stock.adjusted."
    )
    occurred_at: DateTime = moment(tables.Event.occurred_at, "When the change was made.")
    principal: str = column(tables.Event.principal, "Who did it: the name of the key, or the subject of the token.")
    version: int | None = column(
        tables.Event.version,
        "The record's version after it; null for changes that raise none, such as those of a product's stock.",
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
