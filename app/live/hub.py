"""The hub: follows the log for all subscribers of a process, tenant by tenant (docs/decisions/0044-subscriptions.md)."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from app.auth.authenticator import Authenticator
from app.context import Principal
from app.documents.preparation import Prepared
from app.errors.http_errors import Throttled
from app.live.credentials import Credentials, Held
from app.live.groups import Group, Place, Step, aside, shared_by
from app.live.reading import Batches
from app.live.stream import Stream
from app.live.texts import Texts
from app.registry import Graph
from app.settings import Settings
from app.throttling.budgets import Budgets
from app.throttling.concurrency import ConcurrencyLimits
from core.cancelling import heed_cancellation
from core.changes import Cursor, ResyncRequired
from core.errors import ErpError, Unavailable
from core.spending import Spending
from db.runtime.engine import Database
from db.runtime.failures import GONE
from loaders import feed
from loaders.feed import Head

log = structlog.get_logger()

POLL = 0.25
"""Seconds between two looks whether other processes have committed something: one statement, while anybody follows."""

REMIND = 60.0
"""Seconds between two batches without anything, for those that nothing concerned though the log went on."""

OF_KEY, OF_TENANT, OF_PROCESS = 100, 2_000, 12_000
"""Subscriptions at a time, and as many sockets."""

CANCELLED_WITHIN = 1.0
"""Seconds that a task has to end in before it is cancelled once more."""

AWAY = (ErpError, asyncpg.PostgresError, TimeoutError, *GONE)


class _Tenant:
    """The log of a tenant that somebody follows, and up to where its groups know of it."""

    def __init__(self, tenant: UUID, head: Head) -> None:
        self.id, self.head = tenant, head
        self.groups: dict[Hashable, Group] = {}
        self.drawn = -1
        """The last number of its database's log when it was last looked at."""
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Hub:
    """One process's."""

    def __init__(
        self,
        graph: Graph,
        database: Database,
        settings: Settings,
        budgets: Budgets,
        limits: ConcurrencyLimits,
        authenticator: Authenticator,
    ) -> None:
        self.batches = Batches(graph, database, settings, budgets, limits)
        self._database, self._budgets = database, budgets
        self.credentials = Credentials(authenticator)
        self._tenants: dict[UUID, _Tenant] = {}
        self._streams: dict[Stream, None] = {}
        self._sockets: dict[Held, None] = {}
        self._texts = Texts()
        self._counts: Counter[Hashable] = Counter()
        self._sockets_of: Counter[Hashable] = Counter()
        self._watching: list[asyncio.Task[None]] = []
        self.closed = False
        """Whether no more are let in."""

    @property
    def held(self) -> int:
        """How many sockets there are."""
        return len(self._sockets)

    @property
    def following(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    async def open(
        self,
        prepared: Prepared,
        principal: Principal,
        authorization: str,
        spent: Spending,
        after: Cursor | None = None,
    ) -> Stream:
        """Follow an operation; ``after``: the place to go on from, whatever the document says. The first batch is ``spent`` by
        the request. Raises ``Throttled`` where there are too many, and ``ErpError`` for what can't be read now.
        """
        self._admit(principal, self._counts, len(self._streams), "subscriptions")
        stream = Stream(prepared, principal, authorization, self._pay)
        self._streams[stream] = None
        self.credentials.add(stream)
        self._counts.update(_owners(principal))
        try:
            await self._enter(stream, spent, after)
        except BaseException:
            await self.leave(stream)
            raise
        return stream

    async def leave(self, stream: Stream) -> None:
        """A stream has ended. What nobody follows any more is forgotten."""
        if stream not in self._streams:
            return
        del self._streams[stream]
        self.credentials.remove(stream)
        _discount(self._counts, stream.principal)
        if stream.group is not None:
            await self._forget(stream.principal.tenant, stream.group)
        await self._rest()

    def hold(self, socket: Held) -> None:
        """A socket is open, and is ended when its credential is. Raises ``Throttled`` where there are too many."""
        self._admit(socket.principal, self._sockets_of, len(self._sockets), "sockets")
        self._sockets[socket] = None
        self.credentials.add(socket)
        self._sockets_of.update(_owners(socket.principal))
        self._begin()

    async def release(self, socket: Held) -> None:
        """A socket has ended."""
        del self._sockets[socket]
        self.credentials.remove(socket)
        _discount(self._sockets_of, socket.principal)
        await self._rest()

    def _begin(self) -> None:
        if not self._watching:
            self._watching = [aside(self._watch()), aside(self.credentials.look_again())]

    async def _rest(self) -> None:
        """Where nobody is left there is nothing to look at."""
        if not self._streams and not self._sockets:
            watching, self._watching = self._watching, []
            await _cancelled(*watching)

    async def _forget(self, identity: UUID, group: Group) -> None:
        group.members -= 1
        if group.members:
            return
        self._texts.leave(identity, group.prepared)
        tenant = self._tenants.get(identity)
        if tenant is not None and tenant.groups.get(group.key) is group:
            del tenant.groups[group.key]
            if not tenant.groups:
                del self._tenants[identity]
                await _cancelled(*([tenant.task] if tenant.task else []))
        await group.close()

    def committed(self, tenant: UUID) -> None:
        """This process has committed something for a tenant."""
        followed = self._tenants.get(tenant)
        if followed is not None:
            followed.woken.set()

    async def close(self) -> None:
        """End all streams: their clients come back, to another process. No more are let in."""
        self.closed = True
        watching, self._watching = self._watching, []
        await _cancelled(*watching)
        for each in (*self._streams, *self._sockets):
            each.end(None)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """In here the process's own commits are announced at once."""
        self._database.report_commits(self.committed)
        try:
            yield
        finally:
            self._database.report_commits(None)
            await self.close()

    # ---------------------------------------------------------------- who follows

    def _admit(self, principal: Principal, counts: Counter[Hashable], total: int, what: str) -> None:
        if self.closed:
            raise Unavailable("The server is stopping; try again in a moment.")
        key, tenant = _owners(principal)
        for count, most, whose in (
            (counts[key], OF_KEY, "This key"),
            (counts[tenant], OF_TENANT, "This tenant"),
            (total, OF_PROCESS, "This server"),
        ):
            if count >= most:
                raise Throttled(f"{whose} has {most:,} {what}, and may not have more.", 5)

    async def _enter(self, stream: Stream, spent: Spending, after: Cursor | None) -> None:
        self._begin()
        head = await self.batches.head(stream.principal)
        group = self._join(stream, head)
        try:
            place = None if after is None else Place.at(0, after)
            first = await self.batches.read(stream.prepared, stream.principal, place, head, first=True)
        except BaseException:
            await self._forget(stream.principal.tenant, group)
            raise
        spent.objects = first.points
        group.begin(first, head)
        stream.begin(group, first)
        stream.prepared = group.prepared  # its own said where to begin, and the rest is kept once

    def _join(self, stream: Stream, head: Head) -> Group:
        """The group of equal subscribers; in the log of a tenant that is followed from now on."""
        identity, key = stream.principal.tenant, shared_by(stream.prepared, stream.principal)
        tenant = self._tenants.get(identity)
        group = None if tenant is None else tenant.groups.get(key)
        if tenant is None or group is None or group.over:
            prepared = self._texts.join(identity, stream.prepared)
            if tenant is None:
                tenant = self._tenants[identity] = _Tenant(identity, head)
                tenant.task = aside(self._follow(tenant))
            group = tenant.groups[key] = Group(key, prepared, stream.principal, self._read, tenant.head)
        group.members += 1
        tenant.woken.set()  # the head may be behind what this one has read
        return group

    async def _read(self, group: Group, place: Place, head: Head, empty: bool) -> Step:  # noqa: FBT001 - as Read has it
        return await self.batches.read(group.prepared, group.principal, place, head, empty=empty)

    async def _pay(self, principal: Principal, points: int) -> None:
        charge = await self._budgets.admit(principal)
        await self._budgets.reserve(charge, points, keep=True)

    # ---------------------------------------------------------------- what goes on meanwhile

    async def _follow(self, tenant: _Tenant) -> None:
        """Notify a tenant's groups how far its log has got."""
        while True:
            await tenant.woken.wait()
            tenant.woken.clear()
            try:
                await self._look(tenant)
            except AWAY as error:
                log.warning("the feed can't be read", tenant=str(tenant.id), reason=type(error).__name__)
            except Exception:
                log.exception("the feed can't be read")
            else:
                continue
            heed_cancellation()
            await asyncio.sleep(1)
            tenant.woken.set()

    async def _look(self, tenant: _Tenant) -> None:
        last = await self._database.settled(tenant.id)
        async with self._database.reader(tenant.id) as reader:
            if not await feed.there(reader, tenant.head.commit):
                # Restored, or moved to where numbers are others.
                return self._end(tenant)
            head = await feed.newest(reader, last)
            if head is None or head.seq <= tenant.head.seq:
                return None
            found = await feed.news(reader, tenant.head.seq, head.seq)
        tenant.head = head
        for group in [*tenant.groups.values()]:
            group.news(head, found)
        return None

    def _end(self, tenant: _Tenant) -> None:
        for stream in [*self._streams]:
            if stream.principal.tenant == tenant.id:
                stream.end(ResyncRequired("The feed isn't that which was followed: begin again."))

    async def _watch(self) -> None:
        """Look whether other processes have committed something; and from time to time notify those that hear nothing where they are."""
        reminded = monotonic()
        while True:
            await asyncio.sleep(POLL)
            if monotonic() - reminded >= REMIND:
                reminded = monotonic()
                for group in [group for tenant in self._tenants.values() for group in tenant.groups.values()]:
                    group.remind()
            drawn: dict[UUID, int] = {}
            try:
                drawn = await self._database.drawn([*self._tenants])
            except AWAY as error:
                log.warning("the feed can't be watched", reason=type(error).__name__)
            except Exception:
                log.exception("the feed can't be watched")
            heed_cancellation()
            for identity, last in drawn.items():
                tenant = self._tenants.get(identity)
                if tenant is not None and tenant.drawn != last:
                    tenant.drawn = last
                    tenant.woken.set()


def _owners(principal: Principal) -> tuple[Hashable, Hashable]:
    """Whose streams are counted together: the credential's, and the tenant's."""
    return principal.owner, principal.owner[0]


def _discount(counts: Counter[Hashable], principal: Principal) -> None:
    for owner in _owners(principal):
        counts[owner] -= 1
        if not counts[owner]:
            del counts[owner]


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    """Have them end. What waits with a deadline of its own may take a cancellation for that, and go on: then it is cancelled again, for
    a server that stops would wait for it for ever.
    """
    others = {task for task in tasks if task is not asyncio.current_task()}
    going_on = others
    while going_on:
        for task in going_on:
            task.cancel()
        _, going_on = await asyncio.wait(going_on, timeout=CANCELLED_WITHIN)
    await asyncio.gather(*others, return_exceptions=True)
