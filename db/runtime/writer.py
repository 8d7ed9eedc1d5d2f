"""The write side's connection: one per command, one transaction, committed in one place."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from core.errors import OutcomeUnknown
from core.spending import Stopwatch
from db.runtime import freezing, log
from db.runtime.failures import GONE, UNAVAILABLE_MESSAGE, report
from db.tenancy import set_tenant

NOTHING_STORED = (
    asyncpg.InFailedSQLTransactionError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.LockNotAvailableError,  # the log's: before COMMIT
    asyncpg.TransactionRollbackError,
)
"""What a server answers to a COMMIT that it has rolled back."""


class Writer:
    """A ``READ COMMITTED`` transaction of one tenant, through plain asyncpg (docs/decisions/0010-writing.md).
    ``opening`` is what it begins with, before it is the tenant's; ``spread``, whether the tables are, over several servers.
    """

    def __init__(self, connection: Any, tenant: UUID, opening: str = "", *, spread: bool = False) -> None:
        self.tenant = tenant
        self._connection = connection
        self._opening = opening
        self.spread = spread
        self._placing = ""

    @property
    def placed(self) -> bool:
        """Whether the transaction has a place in the log of commits."""
        return bool(self._placing)

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a statement, whose ``$1`` is the tenant: no statement of the write side is without it."""
        watch = Stopwatch()
        try:
            rows: list[Any] = await self._connection.fetch(sql, self.tenant, *values)
        except BaseException as error:
            watch.stop(sql, error=error)
            raise
        watch.stop(sql)
        return rows

    async def begin(self, *, aside: bool = False) -> None:
        """Begin it, in one message, and end what was read on the connection before (``db.runtime.lent``). Raises ``TenantFrozen``,
        unless it is ``aside``: what belongs to another that has begun.
        """
        read = "ROLLBACK;" if self._connection.is_in_transaction() else ""
        begin = f"{read}BEGIN ISOLATION LEVEL READ COMMITTED;{self._opening}{set_tenant(self.tenant)}"
        if aside:
            await self._connection.execute(begin)
        else:
            await freezing.begin(self._connection, begin, spread=self.spread)

    def place(
        self,
        commit: UUID,
        events: Iterable[UUID] = (),
        touched: Sequence[tuple[int, UUID]] = (),
        reload: Iterable[int] = (),
    ) -> None:
        """Give the transaction a place in the log, in the message that commits it: what was a round trip of its own took a
        tenth of an order's time.
        """
        self._placing = log.place(self.tenant, commit, events, touched, reload)

    async def commit(self, then: str = "") -> None:
        """Commit, and in the same message begin what the statements ``then`` begin.

        Raises ``OutcomeUnknown`` where it can't be known whether it was stored: the connection was lost on the way,
        whoever waits for it is called off, or the server stopped somewhere between; and what PostgreSQL says where
        nothing was stored.
        """
        try:
            # PostgreSQL ends a failed transaction by rolling it back, and reports no error for that COMMIT. To SELECT
            # it says that the transaction has failed, and drops the rest of the message.
            if self.spread and self._placing:
                await self._connection.execute(self._placing)
            placing = "" if self.spread else self._placing
            await self._connection.execute(f"{placing or 'SELECT'};COMMIT;{then}")
        except NOTHING_STORED:
            raise
        except (asyncio.CancelledError, asyncpg.PostgresError, *GONE) as error:
            if not isinstance(error, asyncio.CancelledError):
                report(error)
            raise OutcomeUnknown(UNAVAILABLE_MESSAGE) from error

    async def abandon(self) -> None:
        """Roll back; a connection that can't even do that is thrown away, and PostgreSQL rolls back then."""
        try:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # it runs in a task
                # Called off in the middle of a statement: to wait for its end would take as long as it does.
                self.discard()
                return
            await self._connection.execute("ROLLBACK")
        except (asyncpg.PostgresError, *GONE):
            self.discard()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Throw the connection away. One that died under a statement was taken back by the pool already, and
        can't even be ended.
        """
        with contextlib.suppress(asyncpg.InterfaceError):
            self._connection.terminate()
