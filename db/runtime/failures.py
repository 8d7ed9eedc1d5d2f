"""What PostgreSQL's errors mean for a request: which say that the database is away, or not as it should be.

By SQLSTATE, whose first two characters are a class. A request hears of them all ``UNAVAILABLE``; the log has one line a
second, whose ``others`` says how many more there were. A full disk wrote 338 tracebacks in ten seconds, and later, with a
line for each request that failed by it, 22 lines a second.
"""

import asyncio
import re
from time import monotonic
from typing import Any

import asyncpg
import structlog

from core.errors import Unavailable, Unfit

log = structlog.get_logger()

CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,  # 08
    asyncpg.IdleInTransactionSessionTimeoutError,  # 25P03
    asyncpg.AdminShutdownError,  # 57P01
    asyncpg.CrashShutdownError,  # 57P02
    asyncpg.CannotConnectNowError,  # 57P03: it starts, or recovers
    asyncpg.DatabaseDroppedError,  # 57P04
    asyncpg.IdleSessionTimeoutError,  # 57P05
    asyncpg.TooManyConnectionsError,  # 53300
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used between the server's last word and the end of the connection
)
"""What a database that is away, restarting or taking nobody in looks like from here. Another try may help."""

UNFIT = (
    asyncpg.ReadOnlySQLTransactionError,  # 25006: a standby, or default_transaction_read_only
    asyncpg.InsufficientResourcesError,  # 53: no disk, no memory
    asyncpg.PostgresSystemError,  # 58: its files can't be read
    asyncpg.InvalidAuthorizationSpecificationError,  # 28: it doesn't know our role any more
    asyncpg.InvalidCatalogNameError,  # 3D000: nor our database
)
"""What a database says that is there and can't serve. Another try within seconds doesn't help."""

GONE = (*CONNECTION_LOST, *UNFIT)

UNAVAILABLE_MESSAGE = "The database can't be reached or is busy. Try again in a moment."

_IN_RECOVERY = (
    asyncpg.FeatureNotSupportedError,  # 0A000: an unlogged table, which a standby doesn't have
    asyncpg.ObjectNotInPrerequisiteStateError,  # 55000
)
"""What a standby says of a statement that it can't run, and others of one that is wrong."""

_CANCELLED_BY_RECOVERY = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""What a standby says to a reader that is in the way of what it replays; no reader hears that elsewhere."""

_CONSTRAINT = re.compile(r'constraint "(\w+?)(?:_\d{6,})?"')
"""A constraint in a message, without the number of a shard."""

REPORT_EVERY = 1.0
"""Seconds between two lines of the log."""

LASTS = 5.0
"""Seconds for which a fault explains why requests fail: a database that hangs is noticed when a statement's time is up."""


class _Reporter:
    """Tells the log of what is wrong with the database, and how many met it, at most once a second."""

    def __init__(self) -> None:
        self._met = self._reported_at = float("-inf")
        self._facts: dict[str, Any] = {}
        self._others = self._requests = 0
        self._waits: asyncio.AbstractEventLoop | None = None
        """The loop that will tell the rest; one that was closed meanwhile won't."""

    def __call__(self, error: BaseException) -> None:
        self._met = monotonic()
        reason = getattr(error, "reason", "") or str(error) or type(error).__name__
        self._facts = {"sqlstate": getattr(error, "sqlstate", None), "reason": reason}
        if self._met - self._reported_at >= REPORT_EVERY:
            self._report()
        else:
            self._others += 1
            self._report_later()

    @property
    def lasts(self) -> bool:
        """Whether the database was away or unfit some seconds ago, so that requests may still fail by it."""
        return monotonic() - self._met < LASTS

    def request(self) -> None:
        """One more request failed by it, of which the log has no line."""
        self._requests += 1
        self._report_later()

    def _report_later(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # nothing runs that could tell it; the next line does
        if self._waits is not loop:
            self._waits = loop
            loop.call_later(self._reported_at + REPORT_EVERY - monotonic(), self._report_rest)

    def _report_rest(self) -> None:
        self._waits = None
        if self._others or self._requests:
            self._report()

    def _report(self) -> None:
        log.error("database unavailable", **self._facts, others=self._others, requests=self._requests)
        self._reported_at, self._others, self._requests = monotonic(), 0, 0


report = _Reporter()


def unavailable(error: BaseException, connection: Any, *, reads: bool = False) -> Unavailable | None:
    """What a request hears of an error that it met on a connection, which is reported; None for one that is about its
    statement. ``reads``: in a transaction that only reads.
    """
    if isinstance(error, CONNECTION_LOST) or (reads and isinstance(error, _CANCELLED_BY_RECOVERY)):
        report(error)
        return Unavailable(UNAVAILABLE_MESSAGE)
    if isinstance(error, UNFIT) or (type(error) in _IN_RECOVERY and _is_standby(connection)):
        report(error)
        return Unfit(UNAVAILABLE_MESSAGE)
    return None


def constraint(error: asyncpg.IntegrityConstraintViolationError) -> str:
    """The name of the constraint that a row would break, empty where PostgreSQL doesn't say. A table that is spread over
    servers reports it in its message alone, and with the number of the part that it broke.
    """
    if error.constraint_name:
        return str(error.constraint_name)
    named = _CONSTRAINT.search(str(error))
    return named[1] if named else ""


def not_connected(error: BaseException) -> Unavailable | None:
    """What a request hears of an error that kept it from getting a connection: whatever PostgreSQL said, it was not
    about the request. None for what the driver or PostgreSQL didn't say.
    """
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, CONNECTION_LOST):
        report(error)
        return Unfit(UNAVAILABLE_MESSAGE)
    return unavailable(error, None)


def _is_standby(connection: Any) -> bool:
    """As the server last said of itself, which it does whenever that changes."""
    try:
        return getattr(connection.get_settings(), "in_hot_standby", "") == "on"
    except (AttributeError, asyncpg.InterfaceError):
        return False
