"""The read side's connection: one per request, one snapshot, queries in turn."""

import asyncio
from typing import Any, NamedTuple, Self
from uuid import UUID

import asyncpg

from core.errors import ErpError, Timeout, Unavailable
from core.spending import Stopwatch
from db.runtime.connections import Connections
from db.runtime.failures import UNAVAILABLE_MESSAGE, not_connected, unavailable
from db.runtime.sessions import ORDERED_ARRAYS
from db.tenancy import set_partner, set_tenant

ONE_PLAN = ";SET LOCAL plan_cache_mode = force_generic_plan"
MANY_CORES = ";SET LOCAL max_parallel_workers = 8"
"""As many as PostgreSQL has by default; how many of them a statement gets is its own setting."""

AS_READERS_PLAN = {True: ";SET LOCAL plan_cache_mode = auto", False: ";SET LOCAL plan_cache_mode = force_custom_plan"}
"""How a reader plans on a connection of the writers', which plan otherwise: by whether arrays are ``ORDERED_ARRAYS``."""


class ExecutedStatement(NamedTuple):
    """A statement that a reader ran."""

    sql: str
    rows: int
    seconds: float


class Reader:
    """One ``REPEATABLE READ, READ ONLY`` transaction: the whole response is one moment of the data.

    With a ``partner`` it sees what that business partner may see. The snapshot is of the first query's moment; the
    transaction, and with it ``now()``, may be up to a second older (``db.runtime.connections``).

    ``alone``: nobody else is there who would feel it if a statement ran on several cores.

    Coroutines of a request may share it: they take turns. (A session shared without turns fails
    on a cold pool and passes on a warm one, so tests miss it.) ``ran`` lists what was executed.
    """

    def __init__(
        self,
        connections: Connections,
        tenant: UUID,
        acquire_timeout: float,
        partner: UUID | None = None,
        *,
        standby: bool = False,
    ) -> None:
        self.tenant = tenant
        self._standby = standby
        self.partner = partner
        self.ran: list[ExecutedStatement] = []
        self._connections = connections
        self._acquire_timeout = acquire_timeout
        self._turn = asyncio.Lock()
        self._connection: Any = None
        self._binding = ""
        self._failure: Exception | None = None
        self._closed = False
        self.alone = False
        self.lost_standby = False
        """Whether it read from a standby that went away or was in the way of what that replays: whatever was asked has to
        be asked again, of the primary, for this snapshot is gone.
        """

    async def fetch(self, sql: str, *values: Any, row: type | None = None, one_plan: bool = False) -> list[Any]:
        """The rows of a query, as asyncpg records (of class ``row``, if given).

        ``one_plan``: a plan made without the values serves all of them as well. Where such a query is a request's
        first, PostgreSQL is told to make none for the values: it thinks that an unknown limit is a tenth of the table,
        and planned a page of all orders again each time, for 0.07 of its 0.22 ms. PostgreSQL before 17 isn't told.

        Raises ``Unavailable`` when no connection can be had, ``Timeout`` past the statement timeout.
        """
        async with self._turn:
            if self._closed:
                raise Unavailable("The request is over.")
            if self._failure is not None:
                # The transaction is over: what is asked of it now fails for the same reason.
                raise self._failure
            try:
                connection = self._connection or await self._begin(one_plan=one_plan)
                return await self._measured(connection, sql, values, row)
            except (ErpError, asyncpg.PostgresError) as error:
                self.lost_standby = self._standby and isinstance(error, Unavailable)
                # The error has this frame, and with it this reader: not when nobody is left to end that circle.
                self._failure = None if self._closed else error
                raise

    async def _measured(self, connection: Any, sql: str, values: tuple[Any, ...], row: type | None) -> list[Any]:
        """The rows. What a statement takes is paid for though it fails, or is stopped."""
        watch = Stopwatch()
        try:
            rows = await self._run(connection, sql, values, row)
        except BaseException as error:
            watch.stop(sql, error=error)
            raise
        seconds = watch.stop(sql, len(rows))
        self.ran.append(ExecutedStatement(sql, len(rows), seconds))
        return rows

    async def _run(self, connection: Any, sql: str, values: tuple[Any, ...], row: type | None) -> list[Any]:
        try:
            rows: list[Any] = await connection.fetch(sql, *values, record_class=row)
        except TimeoutError as error:
            # The server hangs: it would not even answer to the end of the transaction.
            connection.terminate()
            raise Unavailable(UNAVAILABLE_MESSAGE) from error
        except asyncpg.QueryCanceledError as error:
            raise Timeout("The query took too long and was stopped.") from error
        except Exception as error:
            failure = unavailable(error, connection, reads=True)
            if failure is None:
                raise
            raise failure from error
        return rows

    @property
    def begun(self) -> bool:
        """Whether it has its snapshot."""
        return self._connection is not None

    @property
    def opening(self) -> str:
        """The statements with which a transaction of this reader's begins on a connection of the writers'."""
        return self._opening(AS_READERS_PLAN[self._connections.version >= ORDERED_ARRAYS])

    def adopt(self, connection: Any, lent: Connections) -> None:
        """Read on this connection, which has begun with ``opening`` and goes back to ``lent``."""
        self._connection, self._connections, self._binding = connection, lent, ""

    def _opening(self, planning: str) -> str:
        narrowed = "" if self.partner is None else f";{set_partner(self.partner)}"
        cores = MANY_CORES if self.alone else ""
        whose = f"{self._connections.opening}{set_tenant(self.tenant)}{narrowed}{planning}{cores}"
        return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{whose}"

    async def _begin(self, *, one_plan: bool) -> Any:
        self._binding = self._opening(ONE_PLAN if one_plan and self._connections.version >= ORDERED_ARRAYS else "")
        try:
            self._connection = await self._connections.take(self._binding, self._acquire_timeout)
        except Exception as error:
            failure = not_connected(error)
            if failure is None:
                raise
            raise failure from error
        return self._connection

    async def close(self) -> None:
        """End the snapshot and give the connection back. Safe to call twice, or without a query.

        Who asks later is refused: graphql-core's executor lets the fields beside one that failed run on in the
        background, and they would take a connection that nobody gives back.
        """
        self._closed, self._failure = True, None
        try:
            async with self._turn:  # such a field's statement may be under way
                await self._end()
        finally:
            if self._connection is not None:
                # Cancelled before its turn came.
                await self._connections.discard(self._connection)

    async def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._connections.give(connection, self._binding)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
