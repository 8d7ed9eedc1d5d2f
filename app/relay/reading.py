"""What there is to publish to a broker: the events behind a place in a tenant's log, as ``eventFeed`` answers them."""

from random import getrandbits
from typing import Any, NamedTuple
from uuid import UUID

from graphql import parse

from app.context import Principal, RequestContext
from app.registry import Graph
from app.relay.messages import Message, message, resync
from core import ids
from core.changes import Cursor, ResyncRequired
from core.errors import AnswerTooLarge
from db.runtime.engine import Database
from execution import Meter
from loaders import feed
from loaders.feed import Entry, Found, Oldest
from resolvers.feed import Delivering

EVENTS = 250
"""Events that are read at once. A commit isn't cut, unless it alone has more."""

MOST_BYTES = 4_194_304
"""Bytes of the events that are read at once; of larger ones fewer are."""

DOCUMENT = parse(
    "{ eventFeed { events { id type occurredAt principal version subjectId before after } } }", no_location=True
)


Placed = tuple[Message, Entry]
"""A message, and the entry of the log that it publishes."""


class Ahead(NamedTuple):
    """What there is to publish behind a place, and where that leads. ``lost``: the log doesn't have the place any more. ``behind`` has the
    places behind each of the messages: the commit's number, and None where none can be named.
    """

    messages: list[Message]
    behind: list[tuple[Cursor | None, int]]
    cursor: Cursor
    seq: int
    more: bool
    lost: bool = False


class Reading:
    """Reads for one sink."""

    def __init__(self, graph: Graph, database: Database, sink: str) -> None:
        self._graph, self._database, self._sink = graph, database, sink

    async def ahead(self, tenant: UUID, place: Cursor | None, most: int | None = None) -> Ahead:
        """What is behind a place, ``most`` events at most if given; with none, or where the log doesn't have it, from the oldest commit
        on, behind the word that it is so. No connection is held afterwards. Raises ``Unavailable`` and ``Timeout``.
        """
        most = most or EVENTS
        context = self._context(tenant)
        try:
            head = await context.settle()
            begin: Oldest | None = None
            try:
                if place is None:
                    begin = await feed.oldest(context.reader)
                    found = await feed.all_that_happened(context, begin, head, most)
                else:
                    found = await feed.happened(context, place, head, None, None, most)
            except ResyncRequired:
                return (await self.ahead(tenant, None, most))._replace(lost=True)
            them, found = await self._read(context, found)
        finally:
            await context.reader.close()
        messages = [message for message, _ in them]
        behind: list[tuple[Cursor | None, int]] = [(Cursor(entry.commit, entry.place), entry.seq) for _, entry in them]
        if begin is not None:
            messages.insert(0, resync(tenant, self._sink, begin.commit, begin.at, begin.seq))
            behind.insert(0, (None, 0))
        return Ahead(messages, behind, found.cursor, found.seq, found.more)

    async def _read(self, context: RequestContext, found: Found) -> tuple[list[Placed], Found]:
        """The events of these entries, and what of them was read: fewer where all are too much."""
        entries = [entry for entry in found.entries if entry.id is not None]
        while True:
            try:
                return await self._events(context, entries), found
            except AnswerTooLarge:
                if len(entries) == 1:
                    raise
                entries = entries[: len(entries) // 2]
                last = entries[-1]
                found = Found(entries, Cursor(last.commit, last.place), last.seq, more=True)

    async def _events(self, context: RequestContext, entries: list[Entry]) -> list[Placed]:
        if not entries:
            return []
        context.delivering = Delivering(ids=[UUID(int=entry.id.int) for entry in entries if entry.id is not None])
        context.meter = Meter(MOST_BYTES if len(entries) > 1 else None, None)
        result = await self._graph.execute_document(DOCUMENT, {}, context=context, operation=None, propagate=True)
        for each in result.errors or ():
            raise each.original_error or each
        events: list[dict[str, Any]] = result.data["eventFeed"]["events"] if result.data else []
        places = {ids.encode("evt", entry.id): entry for entry in entries if entry.id is not None}
        tenant = context.principal.tenant
        return [(message(tenant, event, (entry := places[event["id"]]).seq, entry.place), entry) for event in events]

    def _context(self, tenant: UUID) -> RequestContext:
        principal = Principal(tenant, "relay", credential=f"relay:{self._sink}")
        reader = self._database.reader(tenant)
        return RequestContext(principal, reader, self._graph.nodes, f"{getrandbits(128):032x}", None, self._database)
