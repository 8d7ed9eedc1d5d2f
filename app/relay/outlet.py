"""An outlet: one process's connection to a broker, and the tenants whose events this process publishes to it now."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic
from typing import NamedTuple
from uuid import UUID, uuid4

import structlog

from app.relay.messages import Message
from app.relay.reading import Ahead, Reading
from app.relay.sinks import WITHIN, Away, Refused, Sink
from app.turns import AWAY, held, to_the_end, while_leased
from core.cancelling import heed_cancellation
from db.runtime.engine import Database
from db.runtime.lease import Lost
from services.platform import relaying
from services.platform.relaying import Lease

log = structlog.get_logger()

TENANTS = 8
"""Tenants at a time: each has a batch in memory (``app.relay.reading``)."""

LANES = 64
"""Messages under way of a tenant at a time, each about another record."""

ROUNDS = 20
"""Batches of a tenant, until others have their turn."""

FIRST, LONGEST = 0.5, 30.0
"""Seconds until a broker that is away is asked again: twice as long each time."""

TURN_RETRY_AFTER = 2.0
"""Seconds until a tenant is taken up again whose turn failed."""


PROBED = 2
"""Of those the ones at a time whose next message was refused: a broker may take its time to refuse it, and others have the rest."""

PROBE_FIRST, PROBE_LONGEST = 2.0, 60.0
"""Seconds until a tenant whose message was refused has its turn again: twice as long each time."""


class Held(NamedTuple):
    """A tenant that waits because of a message that was refused: until then, and for how long that was."""

    until: float
    pause: float


class Outlet:
    """Of one sink. The figures are for whoever looks at them."""

    def __init__(self, sink: Sink, database: Database, make: Callable[[], Reading]) -> None:
        """``make`` is called when there is something to read for the first time."""
        self.sink, self._database, self._make = sink, database, make
        self._reading: Reading | None = None
        self.id = uuid4()
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._broken: asyncio.Future[Away] | None = None
        self._held: dict[UUID, Held] = {}
        self.sent = self.repeated = self.resyncs = self.turns = 0
        self.late: dict[str, float] = {}
        """Seconds, by database."""

    @property
    def connected(self) -> bool:
        return self._broken is not None and not self._broken.done()

    @property
    def refusing(self) -> int:
        """Of how many tenants the broker refuses the next message."""
        return len(self._held)

    async def run(self) -> None:
        """Keep a connection to the broker, until it is called off; while there is none, no turn is begun and no place held."""
        pause, waiting = FIRST, False
        while True:
            broken: asyncio.Future[Away] = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(WITHIN):
                    await self.sink.open(partial(_lose, broken))
                if waiting:
                    log.info("the relay goes on", sink=self.sink.name)
                waiting = False
                self._broken = broken
                reason = await broken
                pause = FIRST
            except TimeoutError:
                reason = Away(f"it didn't answer within {WITHIN:g} s")
            except Away as error:
                reason = error
            finally:
                await self._end()
            heed_cancellation()
            if not waiting:
                # Once, and not again for each attempt while it is away.
                log.warning("the relay waits", sink=self.sink.name, reason=str(reason))
            waiting = True
            await asyncio.sleep(pause)
            pause = min(LONGEST, pause * 2)

    async def _end(self) -> None:
        """End all turns and let go of the broker, to the end: whoever calls us off meanwhile waits for it. A connection that was
        left in the middle of that would stay open, with its tasks.
        """
        self._broken = None
        await to_the_end(self._close())

    async def _close(self) -> None:
        tasks = [*self._running.values()]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await self.sink.close()

    def begin(self, due: Iterable[UUID]) -> None:
        """Begin turns, for as many tenants as there is room for."""
        for tenant in due:
            if not self.connected or len(self._running) >= TENANTS:
                return
            if tenant not in self._running and self._may(tenant):
                task = self._running[tenant] = asyncio.create_task(self._turn(tenant))
                task.add_done_callback(partial(self._forget, tenant))

    def _may(self, tenant: UUID) -> bool:
        held = self._held.get(tenant)
        if held is None:
            return True
        return held.until <= monotonic() and sum(each in self._held for each in self._running) < PROBED

    def _forget(self, tenant: UUID, _task: asyncio.Task[None]) -> None:
        self._running.pop(tenant, None)

    async def _turn(self, tenant: UUID) -> None:
        """Publish a tenant's events, where no other process does."""
        lease = Lease(tenant, self.sink.name, self.id)
        try:
            async with held(
                relaying.take(self._database, lease), lambda: relaying.release(self._database, lease)
            ) as taken:
                if taken is not None:
                    self.turns += 1
                    await while_leased(self._publish(lease, taken), partial(relaying.beat, self._database, lease))
        except Lost:
            pass
        except Refused as error:
            self._hold(tenant, error)
        except Away as error:
            if self._broken is not None:
                _lose(self._broken, str(error))
        except AWAY as error:
            log.warning("a tenant isn't relayed", tenant=str(tenant), sink=self.sink.name, reason=type(error).__name__)
            await asyncio.sleep(TURN_RETRY_AFTER)
        except Exception:
            log.exception("a tenant isn't relayed", tenant=str(tenant), sink=self.sink.name)
            await asyncio.sleep(TURN_RETRY_AFTER)

    def _hold(self, tenant: UUID, error: Refused) -> None:
        """Let a tenant wait. That is known to this process alone: another one finds out by itself."""
        before = self._held.get(tenant)
        pause = PROBE_FIRST if before is None else min(PROBE_LONGEST, before.pause * 2)
        if before is None:
            log.warning("a broker refuses a message", tenant=str(tenant), sink=self.sink.name, reason=str(error))
        self._held[tenant] = Held(monotonic() + pause, pause)

    def _let_go(self, tenant: UUID) -> None:
        if self._held.pop(tenant, None) is not None:
            log.info("a broker takes a tenant's messages again", tenant=str(tenant), sink=self.sink.name)

    async def _publish(self, lease: Lease, taken: relaying.Taken) -> None:
        self._reading = self._reading or self._make()
        place = taken.cursor
        for _ in range(ROUNDS):
            # What was refused is tried alone: all that is behind it would be sent again each time.
            ahead = await self._reading.ahead(lease.tenant, place, 1 if lease.tenant in self._held else None)
            if ahead.lost:
                self.resyncs += 1
                log.error("the relay has a gap", tenant=str(lease.tenant), sink=self.sink.name)
            refused = await self._send(ahead.messages)
            if refused:
                await self._stop_before(lease, ahead, min(refused))
                raise refused[min(refused)]
            self._let_go(lease.tenant)
            if ahead.cursor != place:
                # Only now: what wasn't acknowledged is sent again, by whoever has the place then.
                await relaying.moved(self._database, lease, ahead.cursor, ahead.seq)
            if not ahead.more:
                return
            place = ahead.cursor

    async def _stop_before(self, lease: Lease, ahead: Ahead, refused: int) -> None:
        """Note all as published that is before the first message that was refused."""
        cursor, seq = ahead.behind[refused - 1] if refused else (None, 0)
        if cursor is not None:
            await relaying.moved(self._database, lease, cursor, seq)

    async def _send(self, messages: list[Message]) -> dict[int, Refused]:
        """Send these, those of one record one after the other; which of them were refused: nothing later of their records is sent. The
        first failure of the broker ends it: a later message that was sent all the same is sent again behind the one that wasn't.
        """
        lanes: dict[str, list[tuple[int, Message]]] = {}
        for number, each in enumerate(messages):
            lanes.setdefault(each.record, []).append((number, each))
        room = asyncio.Semaphore(LANES)
        refused: dict[int, Refused] = {}

        async def lane(them: list[tuple[int, Message]]) -> None:
            async with room:
                for number, each in them:
                    try:
                        new = await self.sink.send(each)
                    except Refused as error:
                        refused[number] = error
                        return
                    self.sent += new
                    self.repeated += not new

        tasks = [asyncio.create_task(lane(each)) for each in lanes.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return refused


def _lose(broken: asyncio.Future[Away], reason: str) -> None:
    if not broken.done():
        broken.set_result(Away(reason))
