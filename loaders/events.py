"""What happened to a record: its timeline."""

from db.events import Event
from loaders.kit import filters
from loaders.kit.entity import DESC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One

events = Entity(
    Event,
    "Event",
    "evt",
    "events:read",
    filters={
        "type": filters.text(Event.type, "By the kind of change, such as order.confirmed."),
        "occurredAt": filters.moment(Event.occurred_at, "By the time of the change."),
    },
    sorts={"OCCURRED_AT": Sort(Event.occurred_at)},
    default=(("OCCURRED_AT", DESC),),
)


class EventById(One):
    entity = events


class EventsOf(Many):
    """By the record that they are about: an id is unique over all types."""

    entity = events
    key = "subject_id"
