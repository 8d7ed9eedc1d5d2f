"""The credentials by which something stays open: all are looked at again and again, together, and what they open no longer is ended."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import structlog

from app.auth.authenticator import Authenticator
from app.context import Principal
from core.cancelling import heed_cancellation
from core.errors import ErpError, Unauthenticated, Unavailable

log = structlog.get_logger()

ROUND = 1.0
"""Seconds between two looks at those that are due."""

DUE = 3.0
"""Seconds after which a credential is due. With a round, and what a thousand streams take to end, five are over at the most."""

STALE = 10.0
"""Seconds after which nothing is sent by a credential that could not be looked at."""

SLICE = 20
"""Streams that are ended in one step of the loop: requests have their turn in between. One takes half a millisecond."""


class Held(Protocol):
    """Something that stays open by a credential: a subscription, or a socket that carries some."""

    authorization: str
    principal: Principal

    def end(self, reason: ErpError | None) -> None: ...


@dataclass
class _Used:
    """A credential by which something is open."""

    good: float
    """When it was last known to be."""
    held: dict[Held, None] = field(default_factory=dict)


class Credentials:
    """Those of one process's hub."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._used: dict[str, _Used] = {}

    def add(self, held: Held) -> None:
        """It is open."""
        used = self._used.get(held.authorization)
        if used is None:
            # A request's credential is remembered for a while: it may have been revoked before this began.
            used = self._used[held.authorization] = _Used(self._authenticator.looked(held.authorization))
        used.held[held] = None

    def remove(self, held: Held) -> None:
        """It is no more, or never was."""
        used = self._used.get(held.authorization)
        if used is not None:
            used.held.pop(held, None)
            if not used.held:
                del self._used[held.authorization]

    async def look_again(self) -> None:
        """Look at what is due, until it is called off."""
        while True:
            await asyncio.sleep(ROUND)
            try:
                await self.look(DUE)
            except Exception:
                log.exception("credentials can't be looked at")
            heed_cancellation()

    async def look(self, age: float = 0.0) -> None:
        """End what is open by credentials that aren't what they were. Those are looked at that weren't for so many seconds."""
        now = monotonic()
        due = [authorization for authorization, used in self._used.items() if now - used.good >= age]
        if not due:
            return
        found = await self._authenticator.again(due)
        ended = 0
        for authorization in due:
            used = self._used.get(authorization)
            if used is None:
                continue
            outcome = found.get(authorization)
            if isinstance(outcome, Principal):
                used.good = now
            for each in [*used.held]:
                reason = _reason(each, used, outcome)
                if reason is not None:
                    each.end(reason)
                    ended += 1
                    if not ended % SLICE:
                        await asyncio.sleep(0)


def _reason(held: Held, used: _Used, outcome: Principal | Unauthenticated | None) -> ErpError | None:
    """Why it must end, if it must. An error of its own for each: one that is raised by thousands keeps the frames of all."""
    if isinstance(outcome, Unauthenticated):
        return Unauthenticated(str(outcome))
    if outcome is None:
        # Whether it is good isn't known now; for a while that is no reason.
        if monotonic() - used.good <= STALE:
            return None
        return Unavailable("Your key can't be checked now: subscribe again in a moment.")
    if outcome != held.principal:
        return Unauthenticated("What this key may do has changed: subscribe again.")
    return None
