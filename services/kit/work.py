"""Carrying a command out: one transaction, its events, its idempotency key, and another try where that helps.

The only way from a request to a service. A service takes the ``UnitOfWork`` and a frozen command, changes
rows, notes events and returns references to what it made; it never commits.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import structlog

from core import changes
from core.errors import OutcomeUnknown, Overloaded, TenantFrozen, Timeout, Unavailable, Unfit
from core.ids import new_id
from core.problems import INVALID_INPUT, CommandRejected, Problem, Problems
from db.runtime.engine import Database
from db.runtime.reader import Reader
from db.runtime.writer import Writer
from services.kit import idempotency
from services.kit.answer import CommandResult, References
from services.kit.command import Command
from services.kit.events import Event
from services.kit.later import Later, run

log = structlog.get_logger()

C = TypeVar("C", bound=Command)

RETRY_FOR = 2.5
"""Seconds in which a command is begun again."""

DEADLINE = 4.5
"""Seconds after which the caller has an answer, whatever the command waits for."""

CONTENDED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
"""The server undid the attempt because of others' work at the same time."""

repeated: Counter[str] = Counter()
"""Attempts that were begun again, by reason, over the life of the process."""


class Retry(Exception):
    """What a service found has changed under it: the attempt ends without effect, and the next one does
    ``first`` before anything else. ``between`` the two, in transactions of its own, something may be done that stays done.
    """

    def __init__(self, reason: str, first: "First | None" = None, between: "Between | None" = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.first = first
        self.between = between


@dataclass(slots=True)
class UnitOfWork:
    """A command's transaction: for whom, by whom, and what has happened in it so far.

    ``database`` is for what must not wait for the commit, such as a block of numbers. ``locked`` are the
    orders that it holds, ``products`` those whose stock it holds; ``decimals``, how many its products'
    quantities might have when it read them without that. ``problems`` are what is wrong with the command.
    ``touched`` are the records that it changed, for those that follow changes: kinds with ids, in their order. ``ending``: it lets
    go of holds that ended itself, and what else ended since is another's (``services.inventory.holding``). ``waiting`` are writes
    that go out with what is stored at the end.
    """

    writer: Writer
    database: Database
    principal: str
    locked: set[UUID] = field(default_factory=set)
    products: frozenset[UUID] = frozenset()
    decimals: dict[UUID, int] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    happened: list[Event] = field(default_factory=list)
    touched: dict[tuple[int, UUID], None] = field(default_factory=dict)
    ending: bool = False
    waiting: list[Later] = field(default_factory=list)

    @property
    def tenant(self) -> UUID:
        return self.writer.tenant

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a statement, whose ``$1`` is the tenant. What waits goes before it."""
        if self.waiting:
            writes, self.waiting = self.waiting, []
            await run(self.writer, writes)
        return await self.writer.rows(sql, *values)

    def later(self, write: Later) -> None:
        """Have something written whose answer the command doesn't need: before its next statement, else at its end."""
        self.waiting.append(write)

    def note(
        self,
        type_: str,
        subject: UUID,
        *,
        version: int | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what happened to a record, in the past tense: it is stored with the change itself. The record counts as touched."""
        self.happened.append(Event(type_, subject, version, before, after))
        kind = changes.touched_by(type_)
        if kind is not None:
            self.touched[kind, subject] = None

    def touch(self, kind: str, *subjects: UUID) -> None:
        """Tell those that follow changes that these records of a kind (``core.changes.KINDS``) aren't what they were. Every
        change of a record of such a kind is noted or touched: tests/schema/writing/test_copies.py compares with a full read.
        """
        number = changes.KINDS[kind].number
        self.touched.update(((number, subject), None) for subject in subjects)


_BUSY = "Too many others are changing the same records. Nothing was done; try again in a moment."

Service = Callable[[UnitOfWork, C], Awaitable[References]]
First = Callable[[UnitOfWork], Awaitable[None]]
Between = Callable[[Database, UUID], Awaitable[object]]


async def perform(
    database: Database,
    tenant: UUID,
    principal: str,
    command: C,
    service: Service[C],
    payload: Reader | None = None,
) -> CommandResult:
    """Carry a command out, once: its answer, or the one that its key got before. ``payload`` reads on the command's own
    connection then, in a snapshot of the moment after its commit.

    Raises ``Unavailable`` when the database is away or too busy, ``TenantFrozen``, ``Timeout`` past the statement timeout,
    and ``OutcomeUnknown`` where an attempt may have been stored and no later one could find out.
    """
    attempts = _Attempts(database, tenant, principal, command, service, payload)
    try:
        async with asyncio.timeout(DEADLINE):
            return await attempts.run()
    except (TimeoutError, Retry, Unavailable, asyncpg.PostgresError) as error:
        heard = _as_heard(error, command, outcome_unknown=attempts.outcome_unknown)
        raise heard from error


async def examine(
    database: Database, tenant: UUID, principal: str, command: C, service: Service[C], known: Sequence[Problem]
) -> CommandResult:
    """All that is wrong with a command some of whose values couldn't be read: ``known``, and what a service finds with
    something harmless in their places. Nothing is carried out, and nothing kept under its key.
    """
    problems = Problems(known)
    try:
        async with asyncio.timeout(DEADLINE), database.transaction(tenant) as writer:
            await service(UnitOfWork(writer, database, principal, problems=problems), command)
            problems.check()
    except CommandRejected as refused:
        problems.add_new(refused.problems)
    except Unavailable:
        pass  # the log has a line of that
    except Exception as error:  # noqa: BLE001 - what is known already is enough of an answer, whatever the rest met
        log.warning("not examined", command=type(command).__name__, error=repr(error))
    return CommandResult({}, tuple(problems.found))


@dataclass(slots=True)
class _Attempts(Generic[C]):
    """The attempts at one command. ``outcome_unknown``: one of them was sent to be stored, and no answer came."""

    database: Database
    tenant: UUID
    principal: str
    command: C
    service: Service[C]
    payload: Reader | None = None
    outcome_unknown: bool = False
    first: First | None = None

    async def run(self) -> CommandResult:
        """The answer of the first attempt that has one. Raises what the last one met."""
        deadline = monotonic() + RETRY_FOR
        number = 0
        while True:
            try:
                return await self.attempt(check_key=number > 0)
            except (Retry, Unavailable, *CONTENDED, asyncpg.UniqueViolationError) as error:
                self.outcome_unknown |= isinstance(error, OutcomeUnknown)
                self.first = error.first if isinstance(error, Retry) and error.first else self.first
                between = error.between if isinstance(error, Retry) else None
                pause = random.uniform(0, min(0.2, 0.002 * 2**number))  # noqa: S311 - spreads rivals, keeps no secret
                if not _may_repeat(error, self.command) or monotonic() + pause > deadline:
                    raise
                repeated[getattr(error, "reason", type(error).__name__)] += 1
            if between is not None:
                await between(self.database, self.tenant)
            await asyncio.sleep(pause)
            number += 1

    async def attempt(self, *, check_key: bool) -> CommandResult:
        """One attempt. ``check_key``: see first whether the key has an answer. The first attempt doesn't: most keys
        are new, one that isn't is met when it is stored, and a refusal looks before it is reported.
        """
        command = self.command
        try:
            async with self.database.transaction(self.tenant, payload=self.payload) as writer:
                stored = await idempotency.find(writer, command) if check_key else None
                if stored is not None:
                    return stored
                work = UnitOfWork(writer, self.database, self.principal)
                if self.first is not None:
                    await self.first(work)
                references = await self.service(work, command)
                # A command that found everything as wanted has changed nothing, and has no place in the log.
                commit = new_id() if work.happened or work.touched or work.waiting else None
                answer = CommandResult(references, commit=commit)
                places = await idempotency.store(writer, self.principal, work.happened, command, answer, work.waiting)
                if commit is not None:
                    writer.place(commit, places, [*work.touched])
                return answer
        except asyncpg.NumericValueOutOfRangeError:
            problem = Problem(INVALID_INPUT, "A sum of these numbers is too large to be kept.", ("input",))
            return await self.store_refusal(CommandResult({}, (problem,)))
        except CommandRejected as refused:
            # Rolled back. The refusal is final for its key too: an earlier attempt of the same command
            # that is still on its way must not succeed after the caller was told that it failed.
            return await self.store_refusal(CommandResult({}, refused.problems))

    async def store_refusal(self, answer: CommandResult) -> CommandResult:
        """A refusal, kept under the command's key; or what the key has already."""
        if self.command.idempotency_key is None or answer.is_conflict:
            return answer
        async with self.database.transaction(self.tenant, payload=self.payload) as writer:
            stored = await idempotency.find(writer, self.command)
            if stored is None:
                await idempotency.store(writer, self.principal, (), self.command, answer)
            return stored or answer


def _may_repeat(error: Exception, command: Command) -> bool:
    """After a rollback nothing was done. After a commit without an answer nobody knows, but a key makes
    sure that nothing is done twice.
    """
    if isinstance(error, OutcomeUnknown):
        return command.idempotency_key is not None
    if isinstance(error, Overloaded | Unfit | TenantFrozen):
        return False
    return not isinstance(error, asyncpg.UniqueViolationError) or idempotency.is_taken(error)


def _as_heard(error: Exception, command: Command, *, outcome_unknown: bool) -> Exception:
    """The error as the caller hears of it; a fault of ours stays as it is. "Nothing was done" is said only
    where no attempt is in doubt, whatever the last one met.
    """
    if outcome_unknown:
        again = "Send it again with the same idempotencyKey."
        how = again if command.idempotency_key else "Look before you send it again."
        return OutcomeUnknown(f"The database went away, and whether this was stored is not known. {how}")
    if isinstance(error, asyncpg.QueryCanceledError):
        return Timeout("This took too long and was stopped. Nothing was done.")
    if isinstance(error, Unavailable) and not isinstance(error, TenantFrozen):
        return Unavailable("The database can't be reached or is busy. Nothing was done; try again in a moment.")
    if isinstance(error, (TimeoutError, Retry, *CONTENDED)) or idempotency.is_taken(error):
        return Unavailable(_BUSY)
    return error
