"""Several databases, as one process sees them: each tenant lives in one, and the first one knows in which.

The first database has a row of every tenant, which names the database of those that live elsewhere. Each process reads these
few names twice a second, so that no request asks, and a tenant that moves is found at its new place by all of them within
a second (docs/decisions/0036-tenants-move.md).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from core.cancelling import heed_cancellation
from core.errors import Unavailable, Unfit
from db.runtime.engine import Database, PoolState
from db.runtime.failures import GONE, UNAVAILABLE_MESSAGE, report
from db.runtime.reader import Reader
from db.runtime.sessions import unfit
from db.runtime.writer import Writer

EVERY = 0.5
"""Seconds between two looks at where tenants live."""

_ELSEWHERE = "SELECT tenant, place FROM tenants_elsewhere()"

Places = dict[UUID, str]


@dataclass(eq=False)
class Spread(Database):
    """The first database, and ``others`` by their names. Another one is opened when a tenant lives there, with pools of its
    own; where it is away, the tenants of the rest don't notice.
    """

    others: dict[str, Database] = field(default_factory=dict)
    places: Places = field(default_factory=dict)
    """Where the tenants live that aren't in the first."""
    moved: int = 0
    """The position at which the last move was seen: a standby that isn't there yet may lack the rows of one that came home."""
    opened: set[str] = field(default_factory=set)
    _last_read: Places | None = field(default=None, repr=False)
    """What the first database last said."""
    _failed: set[str] = field(default_factory=set, repr=False)
    _opening: dict[str, asyncio.Task[None]] = field(default_factory=dict, repr=False)
    _watching: asyncio.Task[None] | None = field(default=None, repr=False)

    async def open(self) -> None:
        """As a single one; others that are away are tried again and again."""
        await super().open()
        self.places, self.moved = await self._asked()
        self._last_read = self.places
        self._open_missing()
        await asyncio.gather(*self._opening.values())
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        tasks = [*self._opening.values(), *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(super().close(), *(other.close() for other in self.others.values()))

    def reader(self, tenant: UUID, partner: UUID | None = None) -> Reader:
        """A request's reader, where its tenant lives. Raises ``Unavailable`` where that is away."""
        home = self._home(tenant)
        return super().reader(tenant, partner) if home is None else home.reader(tenant, partner)

    def query_reader(self, tenant: UUID, partner: UUID | None = None, after: int = 0) -> Reader:
        """As ``reader``; only the first database has a standby."""
        home = self._home(tenant)
        if home is None:
            return super().query_reader(tenant, partner, max(after, self.moved))
        return home.reader(tenant, partner)

    def transaction(
        self, tenant: UUID, *, aside: bool = False, payload: Reader | None = None
    ) -> contextlib._AsyncGeneratorContextManager[Writer, None]:
        """A write transaction, where the tenant lives. Raises ``Unavailable`` where that is away."""
        home = self._home(tenant)
        if home is None:
            return super().transaction(tenant, aside=aside, payload=payload)
        return home.transaction(tenant, aside=aside, payload=payload)

    async def settled(self, tenant: UUID) -> int:
        """As of a single one, of the log where the tenant lives. Raises ``Unavailable``."""
        home = self._home(tenant)
        return await (super().settled(tenant) if home is None else home.settled(tenant))

    async def drawn(self, tenants: Collection[UUID]) -> dict[UUID, int]:
        """As of a single one; without those whose database is away."""
        here = [tenant for tenant in tenants if tenant not in self.places]
        found: dict[UUID, int] = {}
        for name in {self.places[tenant] for tenant in tenants if tenant in self.places} & self.opened:
            with contextlib.suppress(Unavailable):
                found |= await self.others[name].drawn([each for each in tenants if self.places.get(each) == name])
        return found | await super().drawn(here)

    def by_home(self, tenants: Iterable[UUID]) -> list[list[UUID]]:
        """As of a single one."""
        found: dict[str | None, list[UUID]] = {}
        for each in tenants:
            found.setdefault(self.places.get(each), []).append(each)
        return [*found.values()]

    def report_commits(self, to: Callable[[UUID], None] | None) -> None:
        """As of a single one, for all of them."""
        super().report_commits(to)
        for other in self.others.values():
            other.report_commits(to)

    def pools(self) -> dict[str, PoolState]:
        """The pools of all databases, those of the others by the database's name and their own."""
        found = super().pools()
        for name in sorted(self.opened):
            found |= {f"{name} {pool}": each for pool, each in self.others[name].pools().items()}
        return found

    async def state(self, name: str, unready: Callable[[Database], Awaitable[str]]) -> str:
        """How another database is: ``unused`` by any tenant, ``ok``, ``database`` for one that is away, or why it can't serve."""
        if name in self.opened:
            return await unready(self.others[name]) or "ok"
        return "database" if name in self._failed or name in self._opening else "unused"

    def _home(self, tenant: UUID) -> Database | None:
        name = self.places.get(tenant)
        if name is None:
            return None
        if name not in self.opened:
            report(Unavailable(f"tenants live in {name}, which can't be reached"))
            raise Unavailable(UNAVAILABLE_MESSAGE)
        return self.others[name]

    async def _asked(self) -> tuple[Places, int]:
        """Where they live, and a position that a standby knows it at."""
        async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
            rows = await connection.fetch(_ELSEWHERE, timeout=self.acquire_timeout)
        places = {UUID(bytes=row["tenant"].bytes): row["place"] for row in rows}
        return places, self.moved if places == self._last_read else await self.written()

    async def _watch(self) -> None:
        """Follow the tenants that move. While the first database is away, the others' tenants stay where they are."""
        while True:
            await asyncio.sleep(EVERY)
            with contextlib.suppress(*GONE, TimeoutError, Unfit, asyncpg.PostgresError):
                self._follow(*await self._asked())
            heed_cancellation()

    def _follow(self, wanted: Places, position: int) -> None:
        """Go to the new places; to one that is being opened a moment later: the old one still has a copy to read."""
        self._last_read, self.moved = wanted, position
        coming = {name for name in wanted.values() if name not in self.opened and name not in self._failed}
        places = {tenant: self.places.get(tenant) if name in coming else name for tenant, name in wanted.items()}
        self.places = {tenant: name for tenant, name in places.items() if name is not None}
        self._open_missing({*wanted.values()})

    def _open_missing(self, names: set[str] | None = None) -> None:
        for name in (names or {*self.places.values()}) - self.opened - self._opening.keys():
            if name in self.others:
                self._opening[name] = asyncio.create_task(self._open(name))
            else:
                self._failed.add(name)

    async def _open(self, name: str) -> None:
        try:
            await self.others[name].open()
            if await self.others[name].revision() != await self.revision():
                raise unfit(f"{name} isn't at the revision of the first database")
        except (*GONE, TimeoutError, Unfit, asyncpg.PostgresError) as error:
            self._failed.add(name)
            report(error)
            await self.others[name].close()
        else:
            self._failed.discard(name)
            self.opened.add(name)
        finally:
            del self._opening[name]
