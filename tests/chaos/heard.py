"""What must be so of those that were told what happens: all of it, each at least once, in order for each record, and what comes again
under the id that it had. ``test_heard.py`` shows that each is found out.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from core.changes import prefix_of

_LOG = """
    SELECT c.seq, e.id, e.type, e.subject_id
    FROM commits c CROSS JOIN LATERAL unnest(c.events) WITH ORDINALITY AS u (id, place)
    JOIN events e ON e.tenant_id = $1 AND e.id = u.id
    WHERE c.tenant_id = $1 ORDER BY c.seq, u.place
"""
_UNLOGGED = """
    SELECT type FROM events e WHERE tenant_id = $1
        AND (SELECT count(*) FROM commits c WHERE c.tenant_id = $1 AND e.id = ANY(c.events)) <> 1
"""


class Event(NamedTuple):
    """An event, the record that it is about, and the number of its commit."""

    id: str
    record: str
    seq: int = 0


class Told(NamedTuple):
    """An event as somebody was told it, in a message with this id."""

    event: str
    record: str
    message: str


async def logged(connection: Any, tenant: UUID) -> list[Event]:
    """A tenant's log, in its order."""
    rows = await connection.fetch(_LOG, tenant)
    return [Event(ids.encode("evt", id_), ids.encode(prefix_of(type_), about), seq) for seq, id_, type_, about in rows]


async def unlogged(connection: Any, tenant: UUID) -> list[str]:
    """What happened and isn't in the log once."""
    return [f"a {row[0]} isn't in the log once" for row in await connection.fetch(_UNLOGGED, tenant)]


def unheard(who: str, log: Sequence[Event], told: Sequence[Told]) -> Iterator[str]:
    """What somebody who was to be told all of this log was not told, or told otherwise."""
    known = {event.id: place for place, event in enumerate(log)}
    if lost := [event for event in known if event not in {each.event for each in told}]:
        yield f"{who} wasn't told of {len(lost)} events, such as {lost[0]}"
    furthest: dict[str, int] = {}
    messages: dict[str, str] = {}
    for each in told:
        place = known.get(each.event)
        if place is None:
            yield f"{who} was told of {each.event}, which isn't in the log"
        elif each.record != log[place].record:
            yield f"{who} was told that {each.event} is about {each.record}"
        elif each.event in messages:
            if messages[each.event] != each.message:
                yield f"{who} was told of {each.event} again under another id"
        elif place < furthest.get(each.record, -1):
            yield f"{who} was told of {each.event} behind a later one of {each.record}"
        else:
            furthest[each.record] = place
        messages.setdefault(each.event, each.message)
