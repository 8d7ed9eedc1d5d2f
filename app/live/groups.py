"""Equal subscribers: the same operation, variables and rights, so that each batch is read once for all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import structlog

from app.context import Principal
from app.documents.preparation import Prepared
from app.errors.formatting import entry
from core.cancelling import heed_cancellation
from core.changes import Cursor
from core.errors import ErpError, Unavailable
from db.runtime.failures import UNAVAILABLE_MESSAGE
from loaders.feed import Head, Interest, News

log = structlog.get_logger()

KEPT = 16
"""Batches that a group keeps for subscribers that are a little behind."""

SLICE = 20
"""Subscribers that are woken in one step of the loop: requests have their turn in between, and need several. One takes 0.1 ms; with
200 at a time a small query waited for 20 to 36 ms longer while ten thousand were notified.
"""

COALESCE_FOR = 0.5
"""Seconds for which a record that was sent isn't sent again: changes in quick succession are one."""

BATCH_RETRY_AFTER = 1.0
"""Seconds after which a batch that couldn't be read is tried again."""

TRIES = 60
"""Times that it is tried. Then the client gets an error, and may come back."""

_WHOLE = 2**31


class Place(NamedTuple):
    """Where a subscriber is in the log: the cursor, and what says which of two is further."""

    seq: int
    within: int
    cursor: Cursor

    @classmethod
    def at(cls, seq: int, cursor: Cursor) -> "Place":
        return cls(seq, cursor.offset or _WHOLE, cursor)

    @property
    def order(self) -> tuple[int, int]:
        return self.seq, self.within


class Step(NamedTuple):
    """A batch for all at one place: its bytes, None where there is nothing to send; where it leads; what it cost."""

    payload: bytes | None
    to: Place
    points: int = 0
    interest: Interest = Interest()
    last: bool = False
    """Whether nothing can follow."""


class _Kept(NamedTuple):
    """A step, and from where to where subscribers may be that it is for: nothing in between concerned them."""

    low: tuple[int, int]
    high: tuple[int, int]
    step: Step


Read = Callable[["Group", Place, Head, bool], Awaitable[Step]]
"""Reads a batch of a group; also one without anything in it, where that is wanted."""
Wait = Callable[[asyncio.Future[None] | None], None]


@dataclass(eq=False)
class Group:
    """Subscribers whose batches are the same. ``place`` is where those are that have everything."""

    key: Hashable
    prepared: Prepared
    principal: Principal
    read: Read
    head: Head
    place: Place | None = None
    interest: Interest = field(default_factory=Interest)
    members: int = 0
    over: bool = False
    """Whether a step was the last: nobody can join any more."""
    _kept: deque[_Kept] = field(default_factory=lambda: deque(maxlen=KEPT))
    _quiet: tuple[int, int] | None = None
    """From where on nothing concerned the group, up to its place."""
    _sent: bytes | None = None
    """What was sent last."""
    _waiting: dict[asyncio.Future[None], None] = field(default_factory=dict)
    _concerned: bool = False
    _moving: asyncio.Task[None] | None = None

    def begin(self, step: Step, head: Head) -> None:
        """A subscriber has read its first batch, with a view of the log up to ``head``. The first one to do so says where
        those are that have everything; itself it may be far behind.
        """
        if self.place is not None or step.last:
            return
        self.place = Place.at(head.seq, step.to.cursor._replace(commit=head.commit, offset=0))
        self.interest, self._sent = step.interest, step.payload
        if self.head.seq > head.seq:
            # The log went on meanwhile, and nobody looked whether that concerns the group.
            self._concerned = True
            self._moving = aside(self._move())

    def news(self, head: Head, news: News) -> None:
        """The log has got so far."""
        self.head = head
        if self.place is None or self.over:
            return
        self._concerned |= news.concern(self.interest)
        if self._moving is not None:
            return
        if self._concerned:
            self._moving = aside(self._move())
        else:
            self._pass_over()

    def remind(self) -> None:
        """Send those that have everything where that is by now, though there was nothing for them: who hears nothing for longer than
        the log is kept would have no place in it any more.
        """
        # A record is sent as it is, and has no cursor.
        if self._quiet is not None and self._moving is None and not self.over and not self.interest.records:
            self._moving = aside(self._remind())

    async def after(self, place: Place, waiting: Wait) -> Step | None:
        """The batch for those at a place; None where there was none and the caller was woken. ``waiting`` is told what to wake
        it by. Raises ``Throttled``, ``Unavailable`` and ``Timeout``.
        """
        for low, high, step in self._kept:
            if low <= place.order <= high:
                return step
        if self.place is None or place.order >= self.place.order:
            await self._news(waiting)
            return None
        if self._quiet is not None and self._quiet <= place.order:
            return Step(None, self.place)
        return await self.read(self, place, self.head, False)

    async def close(self) -> None:
        """Nobody follows any more."""
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.gather(self._moving, return_exceptions=True)

    async def _news(self, waiting: Wait) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[woken] = None
        waiting(woken)
        try:
            await woken
        finally:
            waiting(None)
            self._waiting.pop(woken, None)

    def _pass_over(self) -> None:
        """What happened concerns nobody here."""
        if self.place is not None and self.head.seq > self.place.seq:
            cursor = self.place.cursor._replace(commit=self.head.commit, offset=0)
            self._be_quiet(Place.at(self.head.seq, cursor))

    def _be_quiet(self, to: Place) -> None:
        if self.place is not None:
            self._quiet = self._quiet or self.place.order
        self.place = to

    async def _move(self) -> None:
        """Read on to the end, and wake those that wait."""
        try:
            while self.place is not None and self.place.seq < self.head.seq:
                self._concerned = False
                head, more = self.head, True
                while more:
                    more = await self._step(self.place, head)
                if self.over:
                    return
                if self.interest.records:
                    await asyncio.sleep(COALESCE_FOR)
                if not self._concerned:
                    self._pass_over()
        finally:
            self._moving = None

    async def _remind(self) -> None:
        try:
            if self.place is not None and self._quiet is not None:
                step = await self.read(self, self.place, self.head, True)
                # For those before it: who is there has this cursor already.
                seq, within = self.place.order
                self._kept.append(_Kept(self._quiet, (seq, within - 1), step))
                self.place, self._quiet, self._sent, self.over = step.to, None, step.payload, step.last
                await self._wake()
        except Exception as error:  # noqa: BLE001 - the next time will do
            log.warning("a reminder can't be read", reason=type(error).__name__)
        finally:
            self._moving = None
        if not self.over:
            self.news(self.head, News())

    async def _step(self, place: Place, head: Head) -> bool:
        """One batch; whether more come before the head."""
        step = await self._read(place, head)
        # A record that is as it was isn't sent: of one that can't be seen it would say that it changed.
        same = bool(self.interest.records) and step.payload == self._sent
        if (step.payload is None or same) and not step.last:
            self._be_quiet(step.to)
        else:
            self._kept.append(_Kept(self._quiet or place.order, place.order, step))
            self.place, self._quiet, self._sent, self.over = step.to, None, step.payload, step.last
            await self._wake()
        return not step.last and step.to.order < (head.seq, _WHOLE)

    async def _read(self, place: Place, head: Head) -> Step:
        """A batch, tried again and again; or one that reports that it can't be read."""
        error: ErpError = Unavailable(UNAVAILABLE_MESSAGE)
        for _ in range(TRIES):
            try:
                return await self.read(self, place, head, False)
            except ErpError as failure:
                error = failure
            except Exception:
                log.exception("a batch can't be read")
                error = Unavailable(UNAVAILABLE_MESSAGE)
            heed_cancellation()
            await asyncio.sleep(BATCH_RETRY_AFTER)
        return Step(orjson.dumps({"errors": [entry(error)]}), place, last=True)

    async def _wake(self) -> None:
        waiting, self._waiting = [*self._waiting], {}
        for start in range(0, len(waiting), SLICE):
            for woken in waiting[start : start + SLICE]:
                if not woken.done():
                    woken.set_result(None)
            await asyncio.sleep(0)


def aside(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task for all who follow: what it takes isn't the doing of the request that began it."""
    return asyncio.create_task(work, context=Context())


def shared_by(prepared: Prepared, principal: Principal) -> Hashable:
    """What equal subscribers have in common. Where each begins isn't: ``after`` may be another for each."""
    asked = prepared.asked
    variables: dict[str, Any] = asked.variables or {}
    rest = {name: value for name, value in variables.items() if name != prepared.begins}
    rights = principal.tenant, principal.partner, principal.permissions
    return (*rights, asked.query, asked.operation, repr(sorted(rest.items())), asked.propagates)
