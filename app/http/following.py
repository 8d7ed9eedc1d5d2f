"""The one way in to subscriptions, whatever they come by: credentials, documents, limits and budgets are the graph's own."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from graphql import OperationType

from app.context import Principal
from app.documents.preparation import Prepared
from app.documents.request import GraphQLRequest
from app.errors.formatting import entry
from app.errors.http_errors import HttpError, Rejected
from app.http.endpoint import GraphQLEndpoint
from app.live.hub import Hub
from app.live.stream import Stream
from app.telemetry.record import RequestRecord
from app.telemetry.telemetry import Telemetry
from app.throttling.budgets import Charge
from core.changes import LENGTH, Cursor, read_cursor
from core.errors import BadInput

Ask = Callable[[], Awaitable[GraphQLRequest]]
"""Reads what is asked for: once it is known who asks, not before."""


class Followers:
    """Opens streams for those that ask."""

    def __init__(self, endpoint: GraphQLEndpoint, hub: Hub) -> None:
        self._endpoint = endpoint
        self.hub = hub

    @property
    def telemetry(self) -> Telemetry:
        """Where requests are reported."""
        return self._endpoint.telemetry

    @property
    def largest(self) -> int:
        """Bytes that a request may have."""
        return self._endpoint.settings.largest_body

    async def who(self, authorization: str, address: str, request_id: str) -> Principal:
        """Whose credential it is. Raises ``Unauthenticated``, ``Throttled`` and ``Unavailable``."""
        return await self._endpoint.authenticator.authenticate(authorization, address, request_id)

    async def charged(self, principal: Principal, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do what a message of a socket asks for, at the least price of a request and at its pace. Raises ``Throttled``,
        ``Unavailable`` and what the work raises.
        """
        charge = await self._endpoint.budgets.admit(principal)
        try:
            await charge.keep_pace()
            await charge.spent.measure(work())
            charge.carried_out = True
        finally:
            charge.end()

    async def open(self, ask: Ask, authorization: str, record: RequestRecord, last: str | None = None) -> Stream:
        """The stream of a request; ``last`` is the cursor to go on from, whatever the document says. Raises ``Rejected`` for an
        operation that can't be followed, else ``ErpError``.
        """
        endpoint = self._endpoint
        principal = await self.who(authorization, record.address, record.request_id)
        record.principal = principal
        with endpoint.limits.slot(principal.owner) as slot:
            record.charge = charge = await endpoint.budgets.admit(principal)
            charge.spent.observer = record.trace
            charge.give_way_to(slot.beside)
            try:
                prepared = await charge.spent.measure(self._prepare(ask, principal, charge, record))
                running = await slot.acquire(writes=False)
                try:
                    await endpoint.budgets.reserve(charge, prepared.price)
                    record.executed, record.price = True, prepared.price
                    opening: Any = self.hub.open(prepared, principal, authorization, charge.spent, _cursor(last))
                    opened: Stream = await charge.spent.measure(opening)
                    charge.carried_out = True
                    return opened
                finally:
                    running.release()
            finally:
                charge.end()

    async def _prepare(self, ask: Ask, principal: Principal, charge: Charge, record: RequestRecord) -> Prepared:
        """The operation, which is a subscription."""
        endpoint = self._endpoint
        await charge.keep_pace()
        asked = endpoint.resolver.resolve(await ask(), principal, record.request_id)
        prepared = await endpoint.preparer.prepare(asked, principal, record.request_id)
        endpoint.resolver.persist(asked, principal)
        record.name(prepared.name)
        if prepared.kind is not OperationType.SUBSCRIPTION:
            raise Rejected([entry(HttpError(400, f"Send a {prepared.kind.value} to /graphql, by POST."))])
        return prepared


def _cursor(given: str | None) -> Cursor | None:
    """The place that a client came to: browsers send it when they come back. Raises ``BadInput``."""
    if not given:
        return None
    if len(given) != LENGTH:
        raise BadInput("Last-Event-ID is not a cursor of the feed.")
    return read_cursor(given, None)
