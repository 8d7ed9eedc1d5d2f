"""What a webhook sends: its document, executed as a query is, for the events that it is about."""

import asyncio
from collections.abc import Iterable, Mapping
from random import getrandbits
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from graphql import FieldNode, OperationType

from app.context import Principal, RequestContext
from app.documents.preparation import OperationPreparer, Prepared
from app.documents.request import GraphQLRequest
from app.documents.roots import roots
from app.errors.formatting import formatted
from app.errors.http_errors import Rejected
from app.registry import Graph
from app.serialisation import written
from app.settings import Settings
from core.changes import Cursor, ResyncRequired
from core.errors import AnswerTooLarge, BadInput, CostLimit, Timeout, Unavailable
from core.permissions import permitted
from db.runtime.engine import Database
from execution import Documents, Meter
from loaders.feed import Entry, Head
from resolvers.feed import Delivering

MOST_BYTES = 262_144
"""Bytes of a delivery's data."""

FIELD = "eventFeed"


class Hook(NamedTuple):
    """A webhook, as far as reading for it needs."""

    tenant: UUID
    id: UUID
    document: str
    variables: dict[str, Any] | None
    roles: tuple[str, ...]

    @property
    def principal(self) -> Principal:
        """With whose permissions it reads."""
        allowed = permitted(self.roles)
        return Principal(self.tenant, "webhook", allowed, credential=f"webhook:{self.id}", roles=self.roles)


class Ahead(NamedTuple):
    """What there is to deliver behind a place, and where that leads."""

    entries: list[Entry]
    cursor: Cursor
    head: Head
    more: bool


class Reading:
    """Reads for webhooks."""

    def __init__(self, graph: Graph, documents: Documents, settings: Settings, database: Database) -> None:
        self._graph, self._settings, self._database = graph, settings, database
        self._preparer = OperationPreparer(documents, settings)

    async def prepare(self, hook: Hook) -> Prepared:
        """The document's operation. Raises ``BadInput`` where it is none of a webhook's, or doesn't fit the schema (any more)."""
        size = len(orjson.dumps(hook.variables))
        asked = GraphQLRequest(hook.document, hook.variables, None, size)
        try:
            prepared = await self._preparer.prepare(asked, hook.principal, "")
        except Rejected as refused:
            raise BadInput(f"The document can't be used: {refused.errors[0]['message']}") from None
        if prepared.kind is not OperationType.SUBSCRIPTION or [*roots(prepared.document, None)] != [FIELD]:
            raise BadInput(f"The document of a webhook is a subscription with the one field {FIELD}.")
        if _begins_somewhere(prepared):
            raise BadInput("A webhook keeps its own place: leave out after.")
        return prepared

    async def ahead(self, hook: Hook, prepared: Prepared, place: Cursor) -> Ahead:
        """What there is behind a place. Raises ``ResyncRequired``, ``BadInput``, ``Unavailable`` and ``Timeout``."""
        context = self._context(hook)
        try:
            head = await context.settle()
            context.following = place
            delivering = context.delivering = Delivering()
            errors, _ = await self._run(prepared, context)
            if delivering.found is None or errors:
                raise BadInput(f"The document can't be used: {errors[0] if errors else 'it asks for nothing.'}")
            found = delivering.found
            return Ahead(found.entries, found.cursor, head, found.more)
        finally:
            await context.reader.close()

    async def written(self, hook: Hook, prepared: Prepared, events: Iterable[UUID]) -> tuple[bytes, str, int]:
        """The JSON of what the document says of these events, what is wrong with it (empty where nothing is), and what it cost in
        points. Raises ``Unavailable`` and ``Timeout``.
        """
        context = self._context(hook)
        context.delivering = Delivering(ids=[*events])
        context.head = Head(0, UUID(int=0))
        try:
            errors, data = await self._run(prepared, context)
            return data, errors[0] if errors else "", context.meter.points
        finally:
            await context.reader.close()

    async def _run(self, prepared: Prepared, context: RequestContext) -> tuple[list[str], bytes]:
        try:
            async with asyncio.timeout(self._settings.limit_seconds):
                result = await self._graph.execute_document(
                    prepared.document, prepared.asked.variables, context=context, operation=None, propagate=True
                )
                for each in result.errors or ():
                    if isinstance(each.original_error, Unavailable | Timeout | ResyncRequired):
                        raise each.original_error
                messages = [str(each["message"]) for each in formatted(result.errors or (), context.request_id)]
                return messages, await written(result.data, context.meter)
        except TimeoutError:
            raise Timeout("Reading took too long.") from None
        except (AnswerTooLarge, CostLimit) as error:
            return [error.message], b""

    def _context(self, hook: Hook) -> RequestContext:
        reader = self._database.reader(hook.tenant)
        request_id = f"{getrandbits(128):032x}"
        context = RequestContext(hook.principal, reader, self._graph.nodes, request_id, None, self._database)
        context.meter = Meter(MOST_BYTES, self._settings.limit_cost)
        return context


def _begins_somewhere(prepared: Prepared) -> bool:
    waiting: list[Any] = [each for each in prepared.document.definitions if hasattr(each, "selection_set")]
    while waiting:
        for each in waiting.pop().selection_set.selections:
            if isinstance(each, FieldNode):
                if each.name.value == FIELD and any(
                    argument.name.value == "after" for argument in each.arguments or ()
                ):
                    return True
            elif hasattr(each, "selection_set"):
                waiting.append(each)
    return False


def hook_of(tenant: UUID, row: Mapping[str, Any]) -> Hook:
    """The webhook of a row."""
    variables = None if row["variables"] is None else orjson.loads(row["variables"])
    return Hook(tenant, UUID(int=row["id"].int), row["document"], variables, tuple(row["roles"]))
