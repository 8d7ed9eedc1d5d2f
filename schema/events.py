"""The timeline of a record."""

import strawberry

from db import events as tables
from loaders import events as loaders
from resolvers import feed
from schema.fields import batched, column, computed, many, moment, node_id, node_type
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
    occurred_at: DateTime = moment(tables.Event.occurred_at, "When the change happened.")
    principal: str = column(
        tables.Event.principal, "The principal that did it: the name of the key, or the subject of the token."
    )
    version: int | None = column(
        tables.Event.version,
        "The record's version after the change; null for changes that don't raise it, such as those of a product's stock.",
    )
    subject_id: strawberry.ID = computed(
        "The id of the record that it is about, also where the record is gone: ord_…, prod_… and so on.",
        feed.subject_id,
        ["type", "subject_id"],
    )
    subject: Node | None = batched(
        "The record as it is now, not as it was then; null where it is gone. Needs what reading it needs.",
        feed.subject,
        needs=["type", "subject_id"],
    )
    before: JSON | None = computed(
        "The values that the change replaced, by field name; null where there were none, or reading the record isn't allowed.",
        feed.values("before"),
        ["type", "before"],
    )
    after: JSON | None = computed(
        "The new values, or the facts of what happened: ids as the graph gives them, numbers as text. Null too where reading the"
        " record isn't allowed.",
        feed.values("after"),
        ["type", "after"],
    )


TIMELINE = "What happened to the record, newest first. Imported data have no events."


def timeline(description: str = TIMELINE) -> Connection[Event]:
    """The field of a record's events."""
    found: Connection[Event] = many(description, loaders.EventsOf, "id", where=EventWhere)
    return found
