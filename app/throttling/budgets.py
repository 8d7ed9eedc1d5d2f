"""What a key and its tenant may still ask for: charged by the price, refunded down to what was read.

A process spends from leases (services.platform.budgets), so that most requests cost no round trip: one is taken for
some fifty thousand objects. A lease that lies idle is given back.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from app.audit import audit
from app.context import Principal
from app.errors.http_errors import Throttled
from app.settings import Settings
from app.throttling.concurrency import Owner
from app.throttling.fairness import FairShare, Neighbours
from app.throttling.spending import dearest, pace, points
from core.errors import ErpError, Unavailable, Unfit
from core.spending import Spending
from db.runtime.engine import Database
from db.runtime.failures import UNAVAILABLE_MESSAGE
from services.platform.budgets import Bucket, Lease, give_back, take

log = structlog.get_logger()

PARTS = 20
"""A lease is this part of a key's budget, or as much more as a request needs."""

LOOK_AGAIN = 0.25
"""Seconds for which a process believes that there isn't as much: a flood asks the database four times a second."""

LEASE_WITHIN = 2.0
"""Seconds that the database has for a lease, which takes half a millisecond; as long as one waits for a connection."""

IDLE = 10.0
"""Seconds after which a lease that nobody spent from is given back."""

LEAST = 100
"""What a request costs at the least, whatever becomes of it: what goes on around a query takes as long as reading
a hundred objects."""

REFUSAL_TAKES = 0.2
"""Seconds that a refusal takes, once a budget is spent: clients that ignore retry-after wait at least this long."""


@dataclass
class _Account:
    """What this process has of a credential's budget. ``left`` is what the buckets had at ``seen``; ``short_of`` is
    more than there will be before ``short_until``; ``lent`` is what the process's own budget had at ``lent_at``, where
    the database took no writes.
    """

    tenant: UUID
    buckets: tuple[Bucket, ...]
    share: FairShare
    turn: asyncio.Lock
    """The tenant's. Its leases wait for each other in the database, each with a connection: a thousand keys that had to pay for the same
    event had all of them for seconds, and other tenants had none."""
    points: int = 0
    left: tuple[int, ...] = ()
    seen: float = 0.0
    used: float = 0.0
    short_of: int = 0
    short_until: float = 0.0
    lent: int = 0
    lent_at: float = 0.0
    leasing: "asyncio.Task[None] | None" = None

    def spend(self, points: int) -> None:
        """Take so many points; fewer than none are given back."""
        self.points -= points

    def remaining(self, now: float) -> int:
        """As far as this process can know, which doesn't see what others take."""
        passed = now - self.seen
        shared = (
            min(bucket.capacity, left + int(bucket.rate * passed))
            for bucket, left in zip(self.buckets, self.left, strict=True)
        )
        return max(0, self.points + min(shared, default=0))


@dataclass
class Charge:
    """What a request has spent, and what it has paid of that."""

    account: _Account
    spent: Spending = field(default_factory=Spending)
    paid: int = LEAST
    least: int = LEAST
    """What is not given back, whatever it spends."""
    carried_out: bool = False
    """Whether it came to its end without an error."""
    paced: int = 0
    """What it counts for in its key's share beside others."""

    def settle(self) -> None:
        """Have it paid what it spent, and no less than ``least``: the rest of what it paid before is given back, and
        what it spent beyond that is taken, though it be more than there is. It may be settled again and again.
        """
        self._pay(max(points(self.spent, carried_out=self.carried_out), self.least))

    def hand_on(self) -> int:
        """Have it pay nothing, since others pay for it: what it spent, in points. It counts for its pace all the same."""
        self._pay(0)
        return dearest(self.spent)

    def _pay(self, due: int) -> None:
        self.account.spend(due - self.paid)
        self.paid = due
        self.pace(max(due, pace(self.spent, carried_out=self.carried_out)))

    def end(self) -> None:
        """Settle it for the last time; the next requests of its key are taken to be like it."""
        self.settle()
        self.account.share.learn(self.paced)

    async def keep_pace(self) -> None:
        """Hold it back where its key has used more than its share while others are there. Raises ``Throttled``."""
        share = self.account.share
        await share.wait()
        self.pace(max(self.paced, share.usual))

    @property
    def alone(self) -> bool:
        """Whether no other tenant has asked for anything lately."""
        return not self.account.share.beside

    def give_way_to(self, beside: Callable[[], bool]) -> None:
        """Have it give way to other tenants' requests. ``beside`` says whether one is under way."""
        self.spent.held = self.account.share.held
        self.spent.gives_way = partial(self.account.share.give_way, beside)

    def pace(self, points: int) -> None:
        """Have it count for so many points beside others."""
        self.account.share.spend(points - self.paced)
        self.paced = points


class Budgets:
    """The budgets, as one process spends them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.rate = settings.budget_rate
        self._database = database
        self._capacity = settings.budget
        self._limit = settings.limit_cost
        self._lease = max(1, settings.budget // PARTS)
        self._tenants = settings.budget_tenant
        self._neighbours = Neighbours()
        self._accounts: dict[Owner, _Account] = {}
        self._giving: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def admit(self, principal: Principal) -> Charge:
        """Take what every request costs, before any work is done. Raises ``Throttled`` and ``Unavailable``."""
        account = self._account(principal)
        await self._take(account, LEAST)
        charge = Charge(account)
        charge.pace(LEAST)
        return charge

    async def reserve(self, charge: Charge, price: int, *, keep: bool = False) -> None:
        """Take the rest of an operation's price before it runs; ``keep`` it, though it spend less. Raises ``Throttled``
        where there isn't as much, and ``Unavailable``.
        """
        missing = max(0, price - charge.paid)
        await self._take(charge.account, missing)
        charge.paid += missing
        charge.pace(max(charge.paced, charge.paid))
        if keep:
            charge.least = charge.paid

    def report(self, charge: Charge) -> dict[str, int]:
        """The part of ``extensions.cost`` that changes with time."""
        remaining = charge.account.remaining(monotonic())
        return {"remaining": min(remaining, self._capacity), "restoreRate": self.rate}

    def _account(self, principal: Principal) -> _Account:
        owner = principal.owner
        account = self._accounts.get(owner)
        if account is None:
            mine = Bucket(principal.credential, self._capacity, self.rate)
            all_of_us = Bucket("", self._capacity * self._tenants, self.rate * self._tenants)
            share = FairShare(owner, self.rate, self._neighbours)
            turn = self._turns.setdefault(principal.tenant, asyncio.Lock())
            account = self._accounts[owner] = _Account(principal.tenant, (all_of_us, mine), share, turn)
            self._schedule_return(account)
        account.used = monotonic()
        self._neighbours.saw(owner, account.used)
        return account

    async def _take(self, account: _Account, wanted: int) -> None:
        while account.points < wanted:
            if account.leasing is None:
                self._check(account, wanted)
                # Without a context: what a lease takes isn't the request's doing.
                account.leasing = asyncio.create_task(self._refill(account, wanted), context=Context())
                account.leasing.add_done_callback(_seen)
            # One task for all waiting requests: where the database hangs, all of them fail at once.
            await asyncio.shield(account.leasing)
            self._check(account, wanted)
        account.spend(wanted)

    def _check(self, account: _Account, price: int) -> None:
        """Raise ``Throttled`` where it was just found that there isn't as much."""
        if account.points < price and price >= account.short_of and account.short_until > monotonic():
            raise self._throttled(account, price)

    async def _refill(self, account: _Account, price: int) -> None:
        missing = price - account.points
        try:
            async with asyncio.timeout(LEASE_WITHIN), account.turn:
                lease = await take(self._database, account.tenant, account.buckets, missing, missing + self._lease)
        except TimeoutError as error:
            raise Unavailable(UNAVAILABLE_MESSAGE) from error
        except Unfit:
            # Nothing can be written, so commands will be refused; but what can be read is read on.
            lease = self._lent(account, missing)
        finally:
            # Cleared here, not in a callback of the task: a caller that arrived between the two would spin on a finished
            # task without yielding, which froze the process under floods.
            account.leasing = None
        account.points += lease.granted
        account.left, account.seen = lease.left, monotonic()
        # What was granted may be less than the price by now: requests that ended meanwhile paid for what they spent. Then another
        # lease is asked for; a key with most of its budget left was refused for that.
        if not lease.granted and account.points < price:
            account.short_of, account.short_until = price, monotonic() + LOOK_AGAIN
            audit("budget spent", "", tenant=str(account.tenant), credential=account.buckets[-1].owner)

    def _lent(self, account: _Account, missing: int) -> Lease:
        """A lease that the database knows nothing of: of a budget of this process's own, as large and as fast."""
        now = monotonic()
        there = min(self._capacity, account.lent + int(self.rate * (now - account.lent_at)))
        granted = min(there, missing + self._lease) if there >= missing else 0
        account.lent, account.lent_at = there - granted, now
        return Lease(granted, (account.lent,) * len(account.buckets))

    def _throttled(self, account: _Account, price: int) -> Throttled:
        remaining = account.remaining(monotonic())
        seconds = max(1, -(-(price - remaining) // self.rate))
        cost = {"requested": price, "limit": self._limit, "remaining": remaining, "restoreRate": self.rate}
        return Throttled(
            f"This key has read as much as it may for now. Try again in {seconds} s.", seconds, {"cost": cost}
        )

    def _schedule_return(self, account: _Account) -> None:
        asyncio.get_running_loop().call_later(IDLE, self._return_if_idle, account)

    def _return_if_idle(self, account: _Account) -> None:
        """Give a lease back that has been idle; keep looking while it is used."""
        if account.leasing or monotonic() - account.used < IDLE:
            self._schedule_return(account)
            return
        self._accounts.pop((str(account.tenant), account.buckets[-1].owner), None)
        if account.points and not account.lent_at:  # the database doesn't miss what it didn't give
            giving = asyncio.create_task(self._give_back(account))
            self._giving.add(giving)
            giving.add_done_callback(self._giving.discard)

    async def _give_back(self, account: _Account) -> None:
        """What is below zero is a debt, and goes back as well."""
        try:
            async with account.turn:
                await give_back(self._database, account.tenant, account.buckets, account.points)
        except Unavailable:
            pass  # the log has a line of that
        except ErpError as error:
            log.warning("budget not given back", points=account.points, reason=type(error).__name__)


def _seen(leased: "asyncio.Task[None]") -> None:
    if not leased.cancelled():
        leased.exception()  # all who waited for it may have left
