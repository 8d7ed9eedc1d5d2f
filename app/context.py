"""A request, as the graph sees it: who asks, and where its data come from."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from app.audit import audit
from core.changes import Cursor
from core.errors import BrokenInvariant, Forbidden, Timeout
from core.permissions import EVERYTHING
from db.runtime.engine import Database
from db.runtime.reader import Reader
from execution import Meter, Trace
from loaders.feed import Head, Interest, newest
from loaders.kit.base import let_go

EXPLAIN = "plan:read"
"""The permission to see what a query ran."""

SCHEMA = "schema:read"
"""The permission to read the schema, by introspection or as a file, and to be helped with misspelt names."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the tenant that the key or token belongs to, the key's name or the token's subject, and what it
    may do."""

    tenant: UUID
    name: str
    permissions: frozenset[str] = EVERYTHING
    partner: UUID | None = None
    """Whose orders it sees, where it is a business partner; None: all of the tenant's."""
    credential: str = ""
    """``key:`` and the key's id, or ``user:`` and the subject: one of the tenant's, where names may be shared."""
    trusted_only: bool = False
    """Whether it may run trusted documents only."""
    roles: tuple[str, ...] = ()
    """The roles that its permissions come from; they are for people to read, and decide nothing."""
    owner: tuple[str, str] = field(init=False, repr=False, compare=False)
    """Its tenant and credential as texts, which what is kept and counted for it goes by. A UUID works out its hash each
    time that it is looked up, which is done seventy times for a request."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "owner", (str(self.tenant), self.credential))

    @property
    def shown(self) -> dict[str, str]:
        """It, as a line of the log has it."""
        return {"tenant": str(self.tenant), "principal": self.name, "credential": self.credential}


class BatchRead(NamedTuple):
    """A batch of the feed: where it ends, by what commits its reader has to be told more, whether it has anything, and
    whether there is more already.
    """

    cursor: Cursor
    seq: int
    interest: Interest
    anything: bool
    more: bool


@dataclass(slots=True)
class RequestContext:
    """One request: its principal, its one snapshot of the data, and its loaders.

    ``database`` is where writes go, each in a transaction of its own. ``node_types`` maps the prefix of an id to the loader of such rows, for the modules that are
    installed. ``batches`` belongs to the reference executor. ``trace`` is there when the request
    asked for the plan.
    """

    principal: Principal
    reader: Reader
    node_types: dict[str, type]
    request_id: str = ""
    trace: Trace | None = None
    database: Database | None = None
    loaders: dict[Hashable, Any] = field(default_factory=dict)
    batches: dict[Hashable, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    """The mutations that were carried out, by their place in the answer: what each made or changed, and where its
    payload has it (``resolvers.commands.Done``). Of these no error may say that they can be tried again."""
    meter: Meter = field(default_factory=Meter)
    """What the answer holds so far."""
    head: Head | None = None
    """Up to where the log of commits is complete, once it was asked for; what the request reads is no older."""
    following: Cursor | None = None
    """The place that a subscription has come to, in place of the one that its document names."""
    batch: BatchRead | None = None
    """What was read of the feed last."""
    post: Any = None
    """The way to webhooks' receivers (``resolvers.webhooks.Post``), where the server has one."""
    secrets: dict[str, str] = field(default_factory=dict)
    """The secrets that the request made, which are shown once, by the names that their answers have."""
    delivering: Any = None
    """What a webhook's turn reads in place of a batch (``resolvers.feed.Delivering``)."""
    commit: UUID | None = None
    """The place in the log of the last command that was carried out."""
    rolled: bool = False
    """Whether the tenant has rollups, which sums may come from: as far as this process knows."""
    until: float = float("inf")
    """When its time is over, by ``time.monotonic``; no command begins after that."""
    _rows: int = 0
    _denied: set[str] = field(default_factory=set)

    @property
    def owner(self) -> str:
        """The tenant that what is kept for this request counts for."""
        return self.principal.owner[0]

    @property
    def rows(self) -> int:
        """How many rows this request has read so far."""
        return self._rows + sum(ran.rows for ran in self.reader.ran)

    async def renew(self) -> Reader:
        """Forget the snapshot and all that was read from it: what follows reads what is about to be written, by the
        reader that is returned. Raises ``RuntimeError`` in a context that can't write.
        """
        database = self._database()
        self._rows = self.rows
        await self.reader.close()
        self.reader = database.reader(self.principal.tenant, self.principal.partner)
        self.loaders.clear()
        self.batches.clear()
        return self.reader

    async def end(self) -> None:
        """End its snapshot, and let go of what was read."""
        await self.reader.close()
        await let_go(self.loaders)

    async def settle(self) -> Head:
        """Up to where the tenant's log of commits is complete. Comes before the request's snapshot, so that this has all of
        it: where there is a snapshot already, it is forgotten. Raises ``Unavailable``.
        """
        if self.head is None:
            database = self._database()
            for opened in (False, True):
                last = await database.settled(self.principal.tenant)
                if self.reader.begun:
                    await self.renew()
                self.head = await newest(self.reader, last)
                if self.head is not None:
                    break
                if opened:
                    raise BrokenInvariant("a log that was opened is empty")
                await self.renew()
                await database.open_log(self.principal.tenant)
        return self.head  # type: ignore[return-value]  # it was found, or an error was raised

    def read_up_to(self, cursor: Cursor, seq: int, interest: Interest, *, anything: bool, more: bool) -> None:
        """A batch of the feed was read."""
        self.batch = BatchRead(cursor, seq, interest, anything, more)

    def _database(self) -> Database:
        if self.database is None:
            raise RuntimeError("only a context with a database can write, or read the log")
        return self.database

    def require(self, permission: str) -> None:
        """Raises ``Forbidden`` unless the principal has the permission."""
        if permission not in self.principal.permissions:
            if permission not in self._denied:  # fifty aliases of a field are one denial
                self._denied.add(permission)
                audit("denied", self.request_id, **self.principal.shown, permission=permission)
            raise Forbidden(f"Your key doesn't allow this: it needs {permission}.")

    def check_time(self) -> None:
        """Raises ``Timeout`` when the request's time is over."""
        if monotonic() > self.until:
            raise Timeout("The request took too long: this was not begun.")
