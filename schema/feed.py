"""The feed of changes and events: poll it, keep a copy by it, or follow it."""

import strawberry

from core.changes import KINDS
from execution import POINT, Args, argument, number
from resolvers import feed
from schema.events import Event
from schema.fields import batched, computed, each_row, fact
from schema.inputs import named_enum
from schema.module import Module
from schema.shared import Node

ChangeKind = named_enum(
    "ChangeKind",
    {name: kind.text for name, kind in KINDS.items()},
    "The kinds of records whose changes the feed reports.",
)

SCAN = 20 * POINT
"""What a batch costs besides its rows: it looks at two thousand commits at most."""


@strawberry.type(description="A record that was created, changed or removed, once for all its changes in the batch.")
class Change:
    kind: ChangeKind = fact("What kind of record it is.", "kind")  # type: ignore[valid-type]  # made of what the modules declare
    id: strawberry.ID = fact("Its id, also where it is gone.", "id")
    node: Node | None = batched("The record as it is now; null where it is gone.", feed.node)
    gone: bool = computed("Whether it isn't there any more, or not for this key: a copy has to drop it.", feed.gone)


@strawberry.type(
    description="What changed since a place in the feed. Commits aren't cut, unless one alone is larger than a batch: a copy that"
    " takes whole batches was true at one moment."
)
class ChangeBatch:
    changes: list[Change] = batched("The records that changed, each once.", feed.listed_changes, size=each_row)
    cursor: str = fact(
        "Where to go on. Good for as long as the feed is kept, for this field and these kinds.", "cursor"
    )
    has_more: bool = fact("Whether there is more already.", "hasMore")
    reload: list[ChangeKind] = fact(  # type: ignore[valid-type]  # see above
        "Kinds of which so much changed at once, by an import, that they have to be read again as a whole.", "reload"
    )


@strawberry.type(
    description="What happened in some commits, in their order. Commits aren't cut, unless one alone is larger than a batch."
)
class EventBatch:
    events: list[Event] = batched(
        "The events: commit after commit, and in the order in which each stored them.", feed.listed, size=each_row
    )
    cursor: str = fact(
        "Where to go on. Good for as long as the feed is kept, for this field and these conditions.", "cursor"
    )
    has_more: bool = fact("Whether there is more already.", "hasMore")


@strawberry.input(description="Conditions on what happens; all that are given must hold.")
class EventFeedWhere:
    types: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Types such as order.confirmed, or order.* for all of orders; at most 50. Left out: all.",
    )
    subjects: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Only what is about one of these records, at most 100 ids."
    )


def batch_rows(usual: int) -> object:
    """How many rows a batch may have at most, where its size is left out ``usual``."""

    def rows(args: Args, _above: int) -> int:
        return number(args.get("first"), usual, feed.MOST)

    return rows


def scan(_args: Args, _rows: int) -> int:
    return SCAN


_KINDS = argument(
    "kinds",
    list[ChangeKind] | None,  # type: ignore[valid-type]  # see above
    "Only records of these kinds; left out: of all that the key may read. The same as for the cursor that is given.",
)
_WHERE = argument("where", EventFeedWhere | None, "Only events that meet these conditions.")


@strawberry.type
class Query:
    changes: ChangeBatch = batched(
        "What changed since a place in the feed: each record once, as it is now. To keep a copy: take the cursor of a first"
        " call, read the lists, then go on from that cursor again and again. Needs what reading the kinds needs.",
        feed.changes,
        argument(
            "after",
            str | None,
            "Where to go on: the cursor of an earlier batch. Left out: an empty batch with the cursor of now.",
        ),
        _KINDS,
        argument("first", int, "At most so many changes, 1 to 500.", 250),
        rows=batch_rows(250),
        besides=scan,
    )
    event_feed: EventBatch = batched(
        "What happened since a place in the feed, in the order in which it was stored.",
        feed.events,
        argument(
            "after",
            str | None,
            "Where to go on: the cursor of an earlier batch. Left out: an empty batch with the cursor of now.",
        ),
        _WHERE,
        argument("first", int, "At most so many events, 1 to 500.", 100),
        permission="events:read",
        rows=batch_rows(100),
        besides=scan,
    )


_NOW = "Where to go on: the cursor of an earlier batch. Left out: from now on; the first batch is empty and has the cursor of now."


@strawberry.type
class Subscription:
    changes: ChangeBatch = batched(
        "The same as the query of this name, again and again: a batch at once, with the cursor to go on from after a broken"
        " connection, then one for each time that something changed. Needs what reading the kinds needs.",
        feed.changes,
        argument("after", str | None, _NOW),
        _KINDS,
        argument("first", int, "At most so many changes in a batch, 1 to 500.", 100),
        rows=batch_rows(100),
        besides=scan,
    )
    event_feed: EventBatch = batched(
        "The same as the query of this name, again and again.",
        feed.events,
        argument("after", str | None, _NOW),
        _WHERE,
        argument("first", int, "At most so many events in a batch, 1 to 500.", 100),
        permission="events:read",
        rows=batch_rows(100),
        besides=scan,
    )
    record: Node | None = batched(
        "A record as it is, at once, and again after each change of it; changes in quick succession count as one. Null where"
        " there is nothing with this id, or not any more. Needs what reading it needs.",
        feed.record,
        argument(
            "id", strawberry.ID, "Any id that the graph gave and that the feed has a kind for, such as ord_0193e0…"
        ),
    )


MODULE = Module("feed", Query, subscription=Subscription)
