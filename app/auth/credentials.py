"""What a credential turns out to be: somebody, or nothing."""

from datetime import UTC, date, datetime
from time import time
from typing import NamedTuple

from app.audit import audit
from app.context import Principal
from core.errors import Unauthenticated

MAX_SEEN = 10_000


class Authenticated(NamedTuple):
    """Whose credential it is, until when (seconds since 1970; None: for ever), and the day of its last use,
    where that is stored."""

    principal: Principal
    expires: float | None
    last_day: date | None = None

    def in_force(self) -> bool:
        return self.expires is None or self.expires > time()


class InvalidCredential(Unauthenticated):
    """A credential that opens nothing. ``reason`` is for the audit trail: the caller hears the message only."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class FirstUseOfDay:
    """Reports to the audit log the first use of a credential on a day (in UTC), as far as this process knows."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], date] = {}

    def note(self, known: Authenticated, request_id: str) -> None:
        """Somebody was let in."""
        today = datetime.now(UTC).date()
        who = known.principal.owner
        if today in (known.last_day, self._days.get(who)):
            return
        if len(self._days) >= MAX_SEEN:
            self._days.clear()
        self._days[who] = today
        audit("first use of the day", request_id, **known.principal.shown)
