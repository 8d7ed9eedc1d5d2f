"""A line of the log for each request: what it was, whose, and what it took. Never what was in it."""

import asyncio
from time import monotonic
from typing import Any

from app import logs
from app.settings import Settings
from app.telemetry.record import RequestRecord
from core.errors import Unavailable
from db.runtime import failures

REFUSALS = 20
"""Lines a second for requests that came to nothing. A flood of them has no more, and a count of those left out: so many
lines of one client's doing hide everybody else's, and fill a disk."""

WINDOW = 1.0
"""Seconds in which they are counted together."""

_UNAVAILABLE = (Unavailable.code,)

_NEEDS = {"all": {"info", "warning", "error"}, "notable": {"warning", "error"}, "off": set[str]()}
_BELOW = {"debug": set[str](), "info": set[str](), "warning": {"info"}, "error": {"info", "warning"}}


class RequestLog:
    """Writes the lines."""

    def __init__(self, settings: Settings) -> None:
        self._levels = _NEEDS[settings.request_log] - _BELOW[settings.log_level]
        self._everything = settings.log_level == "debug"
        self._slow = settings.slow_milliseconds / 1000
        self._format = settings.log_format
        self._until = 0.0
        self._written = 0
        self._left_out = 0

    def write(self, record: RequestRecord) -> None:
        """Write its line, where one is wanted. ``error`` is a failure of ours, ``warning`` an answer that is slow or has
        errors in it; that a request was refused is its client's doing, and nothing to wake anybody for.
        """
        slow = record.seconds >= self._slow
        outcome = record.outcome
        level = "error" if outcome == "failed" else "warning" if slow or outcome == "errors" else "info"
        if level not in self._levels:
            return
        if record.codes == _UNAVAILABLE and failures.report.lasts and not self._everything:
            failures.report.request()  # they all fail alike: the log has a line a second for them together
            return
        if (not record.executed or record.status == 503) and outcome != "ok" and not self._admit():
            return
        logs.WRITER.write(logs.line_of(level, "request", facts(record, slow=slow), self._format))

    def _admit(self) -> bool:
        """Whether one more line fits into this second."""
        now = monotonic()
        if now >= self._until:
            self._until, self._written = now + WINDOW, 0
        if self._written < REFUSALS:
            self._written += 1
            return True
        self._left_out += 1
        if self._left_out == 1 and "warning" in self._levels:
            asyncio.get_running_loop().call_later(self._until - now, self._report_left_out)
        return False

    def _report_left_out(self) -> None:
        count, self._left_out = self._left_out, 0
        logs.WRITER.write(logs.line_of("warning", "requests left out of the log", {"count": count}, self._format))


def facts(record: RequestRecord, *, slow: bool) -> dict[str, Any]:
    """What a line says, but for what there is nothing to say of."""
    found: dict[str, Any] = {"request_id": record.request_id, "kind": record.kind}
    if record.operation:
        found["operation"] = record.operation
    principal = record.principal
    if principal is None:
        found["address"] = record.address
    else:
        found["tenant"] = principal.owner[0]
        found["key"] = principal.credential
    found["status"] = record.status
    if record.codes:
        found["errors"] = record.codes
    found["milliseconds"] = round(record.seconds * 1000, 2)
    if record.charge is not None:
        spent = record.charge.spent
        found["statements"] = spent.statements
        found["rows"] = spent.rows
        found["charged"] = record.charge.paid
    found["bytes"] = record.bytes
    if slow:
        found["slow"] = True
    if record.trace_id:
        found["trace_id"] = record.trace_id
    return found
