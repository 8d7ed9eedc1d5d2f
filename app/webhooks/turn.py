"""A webhook's turn: what waits is tried again, and what happened since is read on and sent.

A worker has the webhook by a lease, and every write says so: one that stood still for too long, and whose webhook another one has
by now, stores nothing (docs/decisions/0056-webhooks.md).
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.documents.preparation import Prepared
from app.errors.http_errors import Throttled
from app.throttling.budgets import Budgets, Charge
from app.webhooks.posting import Posting
from app.webhooks.reading import Ahead, Hook, hook_of
from app.webhooks.sending import GONE, Answer
from core.changes import Cursor, ResyncRequired
from core.errors import BadInput
from core.ids import new_id
from core.moments import write
from core.webhooks import DELAYS, FAILING_AFTER, MOST_WAITING, message_id
from db.runtime.lease import Lost
from services.webhooks import storing
from services.webhooks.storing import Attempt, Waiting
from services.webhooks.turns import Lease

LANES = 4
"""Requests to a receiver at a time, each about other records."""

JITTER = 0.2

ROUNDS = 20
"""Rounds of a turn. With more to do it is due again at once, behind others that wait."""


class Sending(NamedTuple):
    """Some events that go into one request."""

    id: UUID
    events: list[UUID]
    subjects: list[UUID]
    body: bytes | None
    message: str


class Turn:
    """One turn, within a lease."""

    def __init__(self, posting: Posting, budgets: Budgets, lease: Lease) -> None:
        self._posting, self._budgets, self._lease = posting, budgets, lease
        self._database = posting.database
        self._row: Any = None
        self._hook: Hook
        self._prepared: Prepared
        self._failures = 0

    async def run(self) -> bool:
        """Do what there is to do, for some rounds; whether that was all. Raises ``Lost`` where the webhook is another worker's by
        now, and ``Unavailable``.
        """
        for _ in range(ROUNDS):
            if not await self._begin() or not await self._round():
                return True
        return False

    async def _round(self) -> bool:
        """Try what waits, then what happened since; whether there may be more to do now."""
        tried = await self._retry()
        if self._failing:
            # One attempt shows whether the receiver is back.
            tried = tried or await self._read_on(1)
            return tried and not self._failing
        return await self._read_on(None) or tried

    async def _begin(self) -> bool:
        """Read the webhook as it is now; whether it is to be sent to."""
        self._row = await storing.load(self._database, self._lease)
        if self._row is None or self._row["status"] not in {"ACTIVE", "FAILING"}:
            return False
        self._hook, self._failures = hook_of(self._lease.tenant, self._row), self._row["failures"]
        try:
            self._prepared = await self._posting.reading.prepare(self._hook)
        except BadInput as error:
            await self._stop(error.message)
            return False
        return True

    @property
    def _failing(self) -> bool:
        return self._failures >= FAILING_AFTER

    async def _stop(self, reason: str) -> None:
        await storing.stop(self._database, self._lease, reason)

    # ---------------------------------------------------------------- what waits

    async def _retry(self) -> bool:
        """Try what is due; whether there was anything."""
        due = await storing.due(self._database, self._lease, 1 if self._failing else 100)
        lanes = asyncio.Semaphore(LANES)

        async def attempt(each: Waiting) -> None:
            async with lanes:
                if self._failing and len(due) > 1:
                    return  # it isn't tried by many at once any more
                sending = Sending(each.id, each.events, each.subjects, each.body, each.message_id)
                body, answer = await self._send(sending)
                await self._store_attempt(each, body, answer)

        await _all(attempt(each) for each in due)
        return bool(due)

    async def _store_attempt(self, each: Waiting, body: bytes | None, answer: Answer) -> None:
        self._count(body, answer)
        attempt = Attempt(answer.status, answer.failure, answer.milliseconds, _delay(each.attempts, answer), body)
        await storing.attempted(self._database, self._lease, each, attempt, self._failures)
        if answer.status == GONE:
            await self._stop("The receiver answered 410: it wants nothing any more.")
            raise Lost
        if answer.forbidden:
            await self._stop(answer.failure or "")
            raise Lost

    # ---------------------------------------------------------------- what happened since

    async def _read_on(self, most: int | None) -> bool:
        """Send what happened behind the webhook's place; whether there was anything."""
        database, row = self._database, self._row
        waiting = await storing.waiting(database, self._lease)
        if waiting.deliveries >= MOST_WAITING:
            return False
        place = Cursor(UUID(int=row["commit_id"].int), row["place"])
        try:
            ahead = await self._posting.reading.ahead(self._hook, self._prepared, place)
        except ResyncRequired:
            await self._stop(
                "The feed doesn't have its place any more: resume it with skipToNow, and read what it missed."
            )
            return False
        except BadInput as error:
            await self._stop(error.message)
            return False
        groups = self._groups(ahead, row["batch"])
        if row["batch"] > 1:
            # Which events go together depends on when they were read: it is stored first, so that a repeat is the same.
            most = 0
        sent = await self._send_all(groups, set(waiting.subjects), most)
        moved = (ahead.cursor.commit, ahead.cursor.offset) != (place.commit, place.offset)
        if moved or sent:
            new = Cursor(ahead.cursor.commit, ahead.cursor.offset)
            await storing.moved(database, self._lease, place, new, sent, self._failures)
        if any(attempt.status == GONE for _, attempt in sent if attempt is not None):
            await self._stop("The receiver answered 410: it wants nothing any more.")
            return False
        return bool(groups) or ahead.more

    def _groups(self, ahead: Ahead, batch: int) -> list[list[UUID]]:
        events = [UUID(int=entry.id.int) for entry in ahead.entries if entry.id is not None]
        return [events[start : start + batch] for start in range(0, len(events), batch)]

    async def _send_all(
        self, groups: Sequence[list[UUID]], blocked: set[UUID], most: int | None
    ) -> list[tuple[Sending, Attempt | None]]:
        """Send these groups of events, ``most`` at most if given; those of one record in their order. What isn't tried waits."""
        about = await storing.subjects(self._database, self._lease.tenant, [each for group in groups for each in group])
        found: list[tuple[Sending, Attempt | None]] = []
        lanes: dict[UUID, list[Sending]] = {}
        sendings: list[Sending] = []
        for group in groups:
            subjects = list(dict.fromkeys(about[each] for each in group if each in about))
            sending = Sending(new_id(), group, subjects, None, message_id(self._hook.id, group[0], group[-1]))
            sendings.append(sending)
            lanes.setdefault(subjects[0] if subjects else self._hook.id, []).append(sending)
        turns, left = asyncio.Semaphore(LANES), [len(groups) if most is None else most]

        async def lane(them: list[Sending]) -> None:
            for each in them:
                async with turns:
                    if left[0] <= 0 or (self._failing and most is None) or blocked.intersection(each.subjects):
                        blocked.update(each.subjects)
                        found.append((each, None))
                        continue
                    left[0] -= 1
                    body, answer = await self._send(each)
                self._count(body, answer)
                if answer.failure is not None:
                    blocked.update(each.subjects)
                attempt = Attempt(answer.status, answer.failure, answer.milliseconds, _delay(0, answer), body)
                found.append((each, attempt))

        await _all(lane(them) for them in lanes.values())
        order = {each.id: place for place, each in enumerate(sendings)}
        return sorted(found, key=lambda pair: order[pair[0].id])

    # ---------------------------------------------------------------- one request

    async def _send(self, sending: Sending) -> tuple[bytes | None, Answer]:
        """Write what isn't written yet, and send it once."""
        body, failure = sending.body, ""
        if body is None:
            body, failure = await self._write(sending.events)
        if body is None:
            return None, Answer(None, failure, None)
        headers = self._posting.headers(self._row, self._hook.id, sending.message, body)
        return body, await self._posting.sender.send(self._row["url"], headers, body)

    async def _write(self, events: list[UUID]) -> tuple[bytes | None, str]:
        """The body of a delivery; or None, and why it can't be written."""
        charge = await self._admitted()
        try:
            written = self._posting.reading.written(self._hook, self._prepared, events)
            data, failure, points = await charge.spent.measure(written)
            await self._pay(charge, points)
        finally:
            charge.end()
        if failure:
            return None, f"The document has an error: {failure}"
        type_, at = await storing.event_type_and_time(self._database, self._lease.tenant, events[0])
        head = {"type": type_ if len(events) == 1 else "events", "timestamp": write(at)}
        return orjson.dumps(head)[:-1] + b',"data":' + data + b"}", ""

    async def _admitted(self) -> Charge:
        """Leave to read for the webhook, from a budget of its own within its tenant's, at the tenant's pace beside others. It waits
        where there is none.
        """
        while True:
            try:
                charge = await self._budgets.admit(self._hook.principal)
                await charge.keep_pace()
            except Throttled as error:
                await _until(error)
            else:
                return charge

    async def _pay(self, charge: Charge, points: int) -> None:
        """What was read for it is paid; from a budget that is spent it waits."""
        while True:
            try:
                return await self._budgets.reserve(charge, points, keep=True)
            except Throttled as error:
                await _until(error)

    def _count(self, body: bytes | None, answer: Answer) -> None:
        """Count an attempt that wasn't taken. Where there was nothing to send, that is no fault of the receiver's."""
        if answer.failure is None:
            self._failures = 0
        elif body is not None:
            self._failures += 1


async def _until(throttled: Throttled) -> None:
    await asyncio.sleep(min(5.0, float(throttled.seconds)))


def _delay(attempts: int, answer: Answer) -> float:
    """Seconds until the next attempt, after so many before this one."""
    usual = DELAYS[min(attempts, len(DELAYS) - 1)] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - keeps no secret
    return max(usual, float(answer.wait))


async def _all(them: Any) -> None:
    """All of these, or the first error, once none of them runs any more."""
    tasks = [asyncio.ensure_future(each) for each in them]
    try:
        await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
