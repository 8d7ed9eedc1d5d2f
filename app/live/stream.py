"""One subscriber: the batches that it gets, one after the other, as fast as it takes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import NamedTuple

from app.context import Principal
from app.documents.preparation import Prepared
from app.errors.http_errors import Throttled
from app.live.groups import BATCH_RETRY_AFTER, Group, Place, Step
from core.cancelling import heed_cancellation
from core.errors import BrokenInvariant, ErpError, Timeout, Unavailable

PAID_WITHIN = 60.0
"""Seconds that a subscriber whose budget is spent keeps its place."""


class Message(NamedTuple):
    """A batch as a client gets it: the JSON of an answer, and the cursor that it leads to."""

    content: bytes
    cursor: str


Pay = Callable[[Principal, int], Awaitable[None]]


class Stream:
    """A subscriber keeps a place in the log and nothing else: whoever is slow gets a later batch, and a larger one."""

    def __init__(self, prepared: Prepared, principal: Principal, authorization: str, pay: Pay) -> None:
        self.prepared, self.principal = prepared, principal
        self.authorization = authorization
        self.group: Group | None = None
        self.ended: ErpError | None = None
        """Why it was ended; None where it wasn't, or the server stops."""
        self.over = False
        self.hang_up: Callable[[], None] | None = None
        """Ends its connection at once."""
        self._pay = pay
        self._first: Step | None = None
        self._sent: bytes | None = None
        self._waiting: asyncio.Future[None] | None = None

    def begin(self, group: Group, first: Step) -> None:
        """It belongs to this group, and this is its first batch."""
        self.group, self._first = group, first

    def end(self, reason: ErpError | None) -> None:
        """Send nothing more. With no reason the client is to come back."""
        if not self.over:
            self.over, self.ended = True, reason
            if reason is None and self.hang_up is not None:
                self.hang_up()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def messages(self) -> AsyncIterator[Message]:
        """The batches, from the first one on. Raises ``ErpError`` where it was ended for that."""
        step, group = self._first, self.group
        if step is None or group is None:
            raise BrokenInvariant("a stream that was never begun")
        # The request has paid the first one, and nobody else needs it.
        self._first, paid = None, True
        place = step.to
        while not self.over:
            if step is not None:
                if step.payload is not None and not self._same(group, step.payload):
                    if not paid:
                        await self._charge(step.points)
                    paid = False
                    if self.over:
                        break
                    yield Message(step.payload, str(step.to.cursor))
                place = step.to
                if step.last:
                    return
            step = None if self.over else await self._next(group, place)
        if self.ended is not None:
            raise self.ended

    def _same(self, group: Group, payload: bytes) -> bool:
        """Whether a record is as it was sent before."""
        if not group.interest.records:
            return False
        before, self._sent = self._sent, payload
        return before == payload

    async def _next(self, group: Group, place: Place) -> Step | None:
        try:
            return await group.after(place, self._wait_by)
        except (Unavailable, Timeout, Throttled):
            heed_cancellation()
            await asyncio.sleep(BATCH_RETRY_AFTER)
            return None

    def _wait_by(self, woken: asyncio.Future[None] | None) -> None:
        self._waiting = woken

    async def _charge(self, points: int) -> None:
        """Each subscriber pays a batch in full, though it was read once for all: from a budget that is spent it waits for it."""
        until = monotonic() + PAID_WITHIN
        while not self.over:
            try:
                return await self._pay(self.principal, points)
            except Throttled as error:
                pause = min(5.0, float(error.seconds))
                if monotonic() > until:
                    raise
            except Unavailable:
                pause = BATCH_RETRY_AFTER
                if monotonic() > until:
                    raise
            heed_cancellation()
            await asyncio.sleep(pause)
        return None
