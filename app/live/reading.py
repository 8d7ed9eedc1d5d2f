"""Reading a batch: a subscription's operation is executed as a query is, at a place in the log."""

import asyncio
from functools import partial
from random import getrandbits

import orjson

from app.context import Principal, RequestContext
from app.documents.preparation import Prepared
from app.errors.formatting import entry, formatted
from app.live.groups import Place, Step
from app.registry import Graph
from app.serialisation import composed, written
from app.settings import Settings
from app.throttling.budgets import Budgets
from app.throttling.concurrency import ConcurrencyLimits, Slots
from core.changes import Cursor
from core.errors import AnswerTooLarge, CostLimit, Timeout, Unavailable
from db.runtime.engine import Database
from execution import Meter
from loaders.feed import Head

MOST_BYTES = 1_048_576
"""Bytes of a batch."""


class Batches:
    """Reads them, a few at a time: requests have most of the connections. What reading takes counts for the pace of whose subscription
    it is, and gives way to other tenants: sixty dear documents of one tenant held up the requests of all others at each of its
    changes, and their subscriptions for seconds.
    """

    def __init__(
        self, graph: Graph, database: Database, settings: Settings, budgets: Budgets, limits: ConcurrencyLimits
    ) -> None:
        self._graph, self._database, self._settings = graph, database, settings
        self._budgets, self._limits = budgets, limits
        # A tenant has half of them, and another one always finds one.
        self._slots = Slots(max(1, settings.pool_size * 2 // 5))
        self.executed = 0
        """How many were read, over the life of the process."""

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._slots.waiting

    async def head(self, principal: Principal) -> Head:
        """Up to where the log is complete. Raises ``Unavailable``."""
        context = self._context(principal)
        try:
            return await context.settle()
        finally:
            await context.reader.close()

    async def read(
        self,
        prepared: Prepared,
        principal: Principal,
        place: Place | None,
        head: Head,
        *,
        first: bool = False,
        empty: bool = False,
    ) -> Step:
        """The batch for those at a place; with none, from where the document says. The ``first`` one of a subscriber is sent
        though there is nothing in it, and any that may be ``empty``. Raises ``Throttled``, ``Unavailable`` and ``Timeout``.
        """
        if first:  # it is a part of a request, which pays for it and has its turn among all
            return await self._read(prepared, principal, place, head, empty=True)
        charge = await self._budgets.admit(principal)
        charge.least = 0
        charge.give_way_to(partial(self._limits.beside, principal.owner))
        try:
            await charge.keep_pace()
            await self._slots.acquire(principal.owner)
            try:
                step = await charge.spent.measure(self._read(prepared, principal, place, head, empty=empty))
            finally:
                self._slots.release(principal.owner)
            charge.carried_out = True
            if step.payload is None:
                return step  # nobody gets it: whose subscription it is pays
            return step._replace(points=max(step.points, charge.hand_on()))
        finally:
            if charge.paid:
                charge.end()

    async def _read(
        self, prepared: Prepared, principal: Principal, place: Place | None, head: Head, *, empty: bool
    ) -> Step:
        context = self._context(principal)
        context.head, context.following = head, place and place.cursor
        here = place or Place.at(head.seq, Cursor(head.commit))
        self.executed += 1
        try:
            async with asyncio.timeout(self._settings.limit_seconds):
                return await self._step(prepared, context, here, empty=empty)
        except TimeoutError as error:
            raise Timeout("Reading a batch took too long.") from error
        except (AnswerTooLarge, CostLimit) as error:
            # What follows is behind what can't be sent.
            return Step(orjson.dumps({"errors": [entry(error)]}), here, context.meter.points, last=True)
        finally:
            await context.reader.close()

    def _context(self, principal: Principal) -> RequestContext:
        reader = self._database.reader(principal.tenant, principal.partner)
        request_id = f"{getrandbits(128):032x}"
        context = RequestContext(principal, reader, self._graph.nodes, request_id, None, self._database)
        context.meter = Meter(min(MOST_BYTES, self._settings.limit_answer), self._settings.limit_cost)
        return context

    async def _step(self, prepared: Prepared, context: RequestContext, here: Place, *, empty: bool) -> Step:
        result = await self._graph.execute_document(
            prepared.document,
            prepared.asked.variables,
            context=context,
            operation=prepared.asked.operation,
            propagate=prepared.asked.propagates,
        )
        errors = result.errors or ()
        for each in errors:
            if isinstance(each.original_error, Unavailable | Timeout):
                raise each.original_error
        payload = composed(formatted(errors, context.request_id), await written(result.data, context.meter), {})
        batch, points = context.batch, context.meter.points
        if batch is None or result.data is None or any(len(error.path or ()) < 2 for error in errors):
            # It was refused as a whole, and would be each time.
            return Step(payload, here, points, last=True)
        quiet = not empty and not batch.anything
        return Step(None if quiet else payload, Place.at(batch.seq, batch.cursor), points, batch.interest)
