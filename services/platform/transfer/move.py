"""A tenant moved from one database to another. It can be read all the time, and not changed for some seconds.

At each moment one database is its home, as the first one says; a copy elsewhere is frozen, and nobody is led to it. So a move that
was killed anywhere is carried on by running it again: before the switch it begins anew, after it what is left is done.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin import numbers
from db.runtime.engine import Target, administration
from db.tenancy import set_tenant
from services.platform import tenants
from services.platform.transfer import parts, wire
from services.platform.transfer.erase import erase
from services.platform.transfer.export import Report, silent, snapshot
from services.platform.transfer.freeze import freeze, unfreeze

SETTLED = 2.0
"""Seconds after a switch in which each process has seen it: they look twice a second. It is frozen still."""

GRACE = 10.0
"""Seconds that the old copy stays for requests that read it: a query takes five at most."""

_LOCK = 0x6D6F7665  # "move"


@dataclass(frozen=True)
class Moved:
    """``rows`` that were copied, none where the move only had to be completed; ``frozen`` is for how many seconds nothing could be changed."""

    rows: int
    frozen: float


@dataclass(frozen=True)
class Move:
    """``targets`` are all databases by their names; ``main`` is the name of the first, which knows where tenants live."""

    targets: Mapping[str, Target]
    main: str
    tenant: UUID
    to: str
    grace: float = GRACE
    settled: float = SETTLED
    report: Report = silent

    async def run(self) -> Moved:
        """Move it. Raises ``BadInput`` where another tenant has its name there, and where it has lots and that database's
        upgrade isn't finished, and ``Unavailable`` where a writer doesn't end or
        another move of it runs: it is where it was then, and not frozen.
        """
        async with self._alone():
            rows, begun = 0, monotonic()
            if await self._home() != self.to:
                rows, begun = await self._copied()
                await self._switch()
                await asyncio.sleep(self.settled)
            await unfreeze(self.targets[self.to], self.tenant)
            frozen = monotonic() - begun
            await self._clear()
        return Moved(rows, frozen)

    async def _home(self) -> str:
        return await tenants.place(self.targets[self.main], self.tenant) or self.main

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """While no other move of this tenant runs. The lock ends with the process, however that ends."""
        connection = await asyncpg.connect(self.targets[self.main].admin, timeout=5)
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, str(self.tenant)):
                raise Unavailable("Another move of this tenant runs. Wait until it has ended.")
            yield
        finally:
            await connection.close()

    async def _copied(self) -> tuple[int, float]:
        """Freeze it and copy it; how many rows, and since when it is frozen. On a fault it isn't frozen any more."""
        source, target = self.targets[await self._home()], self.targets[self.to]
        await self._drop_copy(self.to)  # of a move that was broken off
        begun = monotonic()
        await freeze(source, self.tenant)
        try:
            return await self._copy(source, target), begun
        except BaseException:
            await unfreeze(source, self.tenant)
            raise

    async def _copy(self, source: Target, target: Target) -> int:
        """Pour all rows over in one transaction, and compare what is stored with what was read, by their digests."""
        every, rows = parts.parts(moving=True), 0
        # Its log goes along with the numbers that it has: those that are drawn there come behind them.
        await numbers.pass_over(target, await numbers.last(source))
        async with snapshot(source, self.tenant) as reading, administration(target) as storing:
            await parts.refuse_unknown(reading)
            await parts.refuse_unknown(storing)
            if await reading.fetchval("SELECT EXISTS (SELECT FROM lots WHERE tenant_id = $1)", self.tenant):
                await parts.refuse_lots(storing, self.tenant)
            await self._make_room(reading, storing)
            await storing.execute(f"{wire.EXACT};{set_tenant(self.tenant)}")
            for done, part in enumerate(every):
                self.report("moving tables", done, len(every))
                rows += await self._pour(reading, storing, part)
            place = await self._home() if self.to == self.main else None
            await storing.execute(
                "UPDATE tenants SET frozen_at = statement_timestamp(), database = $2 WHERE id = $1", self.tenant, place
            )
        self.report("moving tables", len(every), len(every))
        return rows

    async def _make_room(self, reading: Any, storing: Any) -> None:
        """The first database has the tenant's row, which says where it lives; no other may have one of its name."""
        await storing.execute("DELETE FROM tenants WHERE id = $1", self.tenant)
        name = await reading.fetchval("SELECT name FROM tenants WHERE id = $1", self.tenant)
        await tenants.reserve(storing, name)

    async def _pour(self, reading: Any, storing: Any, part: parts.Part) -> int:
        async with wire.Store(storing, part, self.tenant) as store:
            read = await wire.read(reading, part, self.tenant, store.add)
        if await wire.read(storing, part, self.tenant) != read:
            raise Unavailable(f"What was stored of {part.table} isn't what was read. The tenant stays where it is.")
        return read.rows

    async def _switch(self) -> None:
        """From here on it lives there: one row of the first database says so."""
        place = None if self.to == self.main else self.to
        async with administration(self.targets[self.main]) as connection:
            await connection.execute(
                "UPDATE tenants SET database = $2, frozen_at = coalesce(frozen_at, statement_timestamp()) WHERE id = $1",
                self.tenant,
                place,
            )

    async def _clear(self) -> None:
        """Delete the copies that nobody is led to any more, once the requests that read them have ended."""
        stale = [name for name in self.targets if name != self.to and await self._has_copy(name)]
        if stale:
            await asyncio.sleep(self.grace)
        for name in stale:
            await self._drop_copy(name)

    async def _has_copy(self, name: str) -> bool:
        """Whether there are rows of the tenant, besides the one that says where it lives."""
        if name != self.main:
            return await tenants.known(self.targets[name], self.tenant)
        async with administration(self.targets[name], self.tenant) as connection:
            each = [
                f"EXISTS (SELECT FROM {table} WHERE tenant_id = $1)" for table in parts.every() if table != "tenants"
            ]
            return bool(await connection.fetchval(f"SELECT {' OR '.join(each)}", self.tenant))

    async def _drop_copy(self, name: str) -> None:
        """Delete a copy. Raises ``BadInput`` rather than delete the tenant itself."""
        if await self._home() == name:
            raise BadInput("The tenant lives there: it isn't deleted.")
        if await self._has_copy(name):
            await erase(self.targets[name], self.tenant, stub=name == self.main)
