"""Who asks: the API key or token of a request, and nothing else, decides tenant, principal and permissions.

It comes in the header ``Authorization``. There are no cookies, so a browser adds nothing on its own
that a foreign page could use.
"""

import asyncio
import contextlib
from asyncio import sleep
from collections.abc import Iterable
from hashlib import sha256
from time import monotonic

from app.audit import audit
from app.auth.api_keys import ApiKeys
from app.auth.credentials import Authenticated, FirstUseOfDay, InvalidCredential
from app.auth.throttle import FailedAttempts
from app.auth.together import Found
from app.auth.tokens import JwtVerifier
from app.context import Principal
from core import keys
from core.errors import Unauthenticated
from core.spaced import Spaced
from db.runtime.engine import Database

KEPT_FOR = 5.0
"""Seconds that a credential found good is trusted without another look: how long a revoked one may still work."""

MAX_KEPT = 10_000

AGAIN_WITHIN = 3.0
"""Seconds in which many credentials must have been looked up: what wasn't by then isn't known."""

SLICE = 500
"""Credentials that are noted in one step of the loop."""


BURST = 50
"""Requests without any credential that are refused at once, after a while without any. 50 clients that had nothing else to send made
another one's small query take ten times as long."""

LONGEST = 2.0
"""Seconds that such a refusal takes at most, as long as requests wait for their turn."""


class Authenticator:
    """Finds out who asks, and remembers for a few seconds whom it found (never whom it didn't)."""

    def __init__(self, database: Database, tokens: JwtVerifier | None = None, attempts: int = 30) -> None:
        """``attempts``: how many wrong keys and tokens an address may send in a minute."""
        self._keys = ApiKeys(database)
        self._tokens = tokens
        self._attempts = FailedAttempts(attempts)
        self._without = Spaced(BURST, LONGEST)
        self._seen = FirstUseOfDay()
        self._kept: dict[bytes, tuple[float, Authenticated]] = {}
        self._looking: dict[bytes, asyncio.Task[Authenticated]] = {}

    async def authenticate(self, authorization: str | None, address: str = "", request_id: str = "") -> Principal:
        """The principal of an ``Authorization`` header that came from that address.

        Raises ``Unauthenticated``, ``Throttled``, and ``Unavailable`` when that can't be decided now.
        """
        scheme, _, credential = (authorization or "").partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            await sleep(self._without.wait(monotonic()))
            raise Unauthenticated("An API key is needed: send it as Authorization: Bearer erp_…")
        # Compared by its hash: how long that takes tells nothing about the characters of others.
        digest = _digest(credential)
        until, known = self._kept.get(digest, (0.0, None))
        if known is not None and until > monotonic() and known.in_force():
            return known.principal
        if known is None:
            # What was good a moment ago isn't guessed: clients that share an address with a guesser go on working.
            self._attempts.check(address)
        try:
            known = await self._find_once(digest, credential)
        except InvalidCredential as error:
            self._refused(digest, error, address, request_id)
            raise
        self._seen.note(known, request_id)
        self._keep(digest, known)
        return known.principal

    def looked(self, authorization: str) -> float:
        """When the credential of a header was last looked up and good, as far as that is remembered: by ``time.monotonic``."""
        until, _ = self._kept.get(_digest(_credential(authorization)), (0.0, None))
        return (until or monotonic()) - KEPT_FOR

    async def again(self, authorizations: Iterable[str]) -> dict[str, Principal | InvalidCredential]:
        """What these headers open that were good when something long began: looked up anew, and together. One that can't be looked up
        now isn't in the answer. None of them is a guess, so no address is held back for it.
        """
        given = {each: _credential(each) for each in authorizations}
        keys_, tokens = list[str](), list[str]()
        for each in {*given.values()}:
            (keys_ if self._is_key(each) else tokens).append(each)
        found: Found = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_WITHIN):
                looks = [self._keys.find_all(keys_, found)]
                looks += [self._tokens.find_all(tokens, found)] if self._tokens is not None else []
                await asyncio.gather(*looks)
        outcomes: dict[str, Principal | InvalidCredential] = {}
        for number, (authorization, credential) in enumerate(given.items()):
            known = found.get(credential)
            if known is not None:
                outcomes[authorization] = self._noted(credential, known)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        return outcomes

    def _noted(self, credential: str, known: Authenticated | InvalidCredential) -> Principal | InvalidCredential:
        """What a request by the same credential has to know of it."""
        digest = _digest(credential)
        if isinstance(known, InvalidCredential):
            self._kept.pop(digest, None)
            return known
        if digest in self._kept:
            self._keep(digest, known)
        return known.principal

    async def _find_once(self, digest: bytes, credential: str) -> Authenticated:
        """One look-up for all requests that wait for the same credential."""
        looking = self._looking.get(digest)
        if looking is None:
            looking = self._looking[digest] = asyncio.create_task(self._find(credential))
            looking.add_done_callback(lambda done: self._found(digest, done))
        return await asyncio.shield(looking)

    async def _find(self, credential: str) -> Authenticated:
        if self._tokens is None or self._is_key(credential):
            return await self._keys.find(credential)
        return await self._tokens.find(credential)

    def _is_key(self, credential: str) -> bool:
        return self._tokens is None or credential.startswith(keys.PREFIX)

    def _found(self, digest: bytes, looking: "asyncio.Task[Authenticated]") -> None:
        del self._looking[digest]
        if not looking.cancelled():
            looking.exception()  # all who waited for it may have left

    def _keep(self, digest: bytes, known: Authenticated) -> None:
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[digest] = (monotonic() + KEPT_FOR, known)

    def _refused(self, digest: bytes, error: InvalidCredential, address: str, request_id: str) -> None:
        self._kept.pop(digest, None)
        audit("wrong credential", request_id, reason=error.reason, address=address)
        if self._attempts.failed(address):
            audit("no more attempts in this minute", request_id, address=address)


def _credential(authorization: str) -> str:
    return authorization.partition(" ")[2].strip()


def _digest(credential: str) -> bytes:
    return sha256(credential.encode()).digest()
