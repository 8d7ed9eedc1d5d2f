"""An outlet: one process's connection to a broker, and the tenants of which it is told by this process now."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID, uuid4

import structlog

from app.relay.messages import Message
from app.relay.reading import Reading
from app.relay.sinks import WITHIN, Away, Sink
from app.turns import AWAY, while_leased
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

AGAIN = 2.0
"""Seconds until a tenant is taken up again whose turn failed."""


class Outlet:
    """Of one sink. The figures are for whoever looks at them."""

    def __init__(self, sink: Sink, database: Database, make: Callable[[], Reading]) -> None:
        """``make`` is called when there is something to read for the first time."""
        self.sink, self._database, self._make = sink, database, make
        self._reading: Reading | None = None
        self.id = uuid4()
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._broken: asyncio.Future[Away] | None = None
        self.sent = self.repeated = self.resyncs = self.turns = 0
        self.late: dict[str, float] = {}
        """Seconds, by database."""

    @property
    def connected(self) -> bool:
        return self._broken is not None and not self._broken.done()

    async def run(self) -> None:
        """Keep a connection to the broker, until it is called off; while there is none, no turn is begun and no place held."""
        pause, told = FIRST, False
        while True:
            broken: asyncio.Future[Away] = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(WITHIN):
                    await self.sink.open(partial(_lose, broken))
                if told:
                    log.info("the relay goes on", sink=self.sink.name)
                told = False
                self._broken = broken
                reason = await broken
                pause = FIRST
            except TimeoutError:
                reason = Away(f"it didn't answer within {WITHIN:g} s")
            except Away as error:
                reason = error
            finally:
                await self._end()
            if not told:
                # Once, and not again for each attempt while it is away.
                log.warning("the relay waits", sink=self.sink.name, reason=str(reason))
            told = True
            await asyncio.sleep(pause)
            pause = min(LONGEST, pause * 2)

    async def _end(self) -> None:
        self._broken = None
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
            if tenant not in self._running:
                task = self._running[tenant] = asyncio.create_task(self._turn(tenant))
                task.add_done_callback(partial(self._forget, tenant))

    def _forget(self, tenant: UUID, _task: asyncio.Task[None]) -> None:
        self._running.pop(tenant, None)

    async def _turn(self, tenant: UUID) -> None:
        """Tell of a tenant, where nobody else does."""
        lease = Lease(tenant, self.sink.name, self.id)
        try:
            taken = await relaying.take(self._database, lease)
            if taken is None:
                return
            self.turns += 1
            try:
                await while_leased(self._tell(lease, taken), partial(relaying.beat, self._database, lease))
            finally:
                await relaying.release(self._database, lease)
        except Lost:
            pass
        except Away as error:
            if self._broken is not None:
                _lose(self._broken, str(error))
        except AWAY as error:
            log.warning("a tenant isn't relayed", tenant=str(tenant), sink=self.sink.name, reason=type(error).__name__)
            await asyncio.sleep(AGAIN)
        except Exception:
            log.exception("a tenant isn't relayed", tenant=str(tenant), sink=self.sink.name)
            await asyncio.sleep(AGAIN)

    async def _tell(self, lease: Lease, taken: relaying.Taken) -> None:
        self._reading = self._reading or self._make()
        place = taken.cursor
        for _ in range(ROUNDS):
            ahead = await self._reading.ahead(lease.tenant, place)
            if ahead.lost:
                self.resyncs += 1
                log.error("the relay has a gap", tenant=str(lease.tenant), sink=self.sink.name)
            await self._send(ahead.messages)
            if ahead.cursor != place:
                # Only now: what wasn't acknowledged is sent again, by whoever has the place then.
                await relaying.moved(self._database, lease, ahead.cursor, ahead.seq)
            if not ahead.more:
                return
            place = ahead.cursor

    async def _send(self, messages: list[Message]) -> None:
        """Send these, those of one record one after the other. The first failure ends it: a later message that was sent all the
        same is sent again behind the one that wasn't.
        """
        lanes: dict[str, list[Message]] = {}
        for each in messages:
            lanes.setdefault(each.record, []).append(each)
        room = asyncio.Semaphore(LANES)

        async def lane(them: list[Message]) -> None:
            async with room:
                for each in them:
                    new = await self.sink.send(each)
                    self.sent += new
                    self.repeated += not new

        tasks = [asyncio.create_task(lane(each)) for each in lanes.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _lose(broken: asyncio.Future[Away], reason: str) -> None:
    if not broken.done():
        broken.set_result(Away(reason))
