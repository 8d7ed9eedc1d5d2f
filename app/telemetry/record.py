"""What is known of one request, noted while it is served."""

import re
from asyncio import CancelledError
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, Self

from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.context import Principal
from app.errors.formatting import INTERNAL
from app.errors.http_errors import Rejected
from core.spending import Observer, Spending

NO_STATUS = 0
"""The status of a request that was called off before it had an answer: the server stopped."""

_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.ASCII)
"""A header ``traceparent``, as W3C Trace Context has it; later versions may say more."""

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,99}", re.ASCII)
"""A name of GraphQL. What else a client calls an operation is none, and isn't repeated."""


class Charged(Protocol):
    """What a request has spent and paid."""

    paid: int
    spent: Spending


class Trace(Observer, Protocol):
    """What follows a request, and hears of its end."""

    def end(self, record: "RequestRecord") -> None: ...


class RequestRecord:
    """One request. Whoever learns something of it sets it here; within ``with`` it notes the error that ended it."""

    __slots__ = (
        *("address", "began", "bytes", "charge", "codes", "executed", "kind", "operation"),
        *("price", "principal", "request_id", "seconds", "status", "trace", "trace_id"),
    )

    def __init__(self, request_id: str, *, address: str = "", traceparent: str = "") -> None:
        self.began = perf_counter()
        self.request_id = request_id
        self.address = address
        self.trace_id = trace_of(traceparent) if traceparent else ""
        self.trace: Trace | None = None
        """What follows it, where it is traced."""
        self.kind = "none"
        """``query``, ``mutation`` or ``subscription``; ``none`` where it isn't known; ``page`` and ``file`` for the explorer's,
        ``schema`` for the schema's file."""
        self.operation = ""
        self.principal: Principal | None = None
        self.charge: Charged | None = None
        self.price = 0
        """In points, as it was before the operation was begun; of one that wasn't, none."""
        self.executed = False
        """Whether its operation was begun."""
        self.codes: tuple[str, ...] = ()
        """The codes of the errors in its answer, each once."""
        self.status = NO_STATUS
        self.bytes = 0
        """Of the answer's body, as it is sent."""
        self.seconds = 0.0
        """Until the answer was ready to be sent."""

    @classmethod
    def of(cls, request: HTTPConnection, request_id: str) -> Self:
        """The record of a request that begins now."""
        # Past Starlette's objects for both: they cost more than all the rest of this.
        client = request.scope.get("client")
        parent = next((value for name, value in request.scope["headers"] if name == b"traceparent"), b"")
        return cls(request_id, address=client[0] if client else "", traceparent=parent.decode("latin-1"))

    def name(self, operation: str | None) -> None:
        """Note what a client calls its operation."""
        if operation and _NAME.fullmatch(operation):
            self.operation = operation

    def note(self, errors: list[dict[str, Any]]) -> None:
        """Note the errors of the answer."""
        if errors:
            self.codes = codes_of(errors)

    def end(self, answer: Response | None) -> None:
        """The answer is ready, or there will be none."""
        self.seconds = perf_counter() - self.began
        if answer is not None:
            self.status = answer.status_code
            self.bytes = len(answer.body)

    @property
    def outcome(self) -> str:
        """How it ended: ``ok``; ``failed``, by us; ``refused``, before it was executed; ``errors``, in a part of its
        answer."""
        if self.status == NO_STATUS or self.status >= 500 or INTERNAL in self.codes:
            return "failed"
        if not self.codes:
            return "ok" if self.status < 400 else "refused"
        return "errors" if self.executed else "refused"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.codes = codes_of(error.errors) if isinstance(error, Rejected) else (code_of(error),)


def trace_of(traceparent: str) -> str:
    """The id of the trace that a request belongs to; empty where the header isn't valid."""
    found = _TRACE.fullmatch(traceparent)
    return found[1] if found and (found[2] is None or not traceparent.startswith("00")) else ""


def codes_of(errors: list[dict[str, Any]]) -> tuple[str, ...]:
    """The codes of an answer's errors, each once, in their order."""
    return tuple(dict.fromkeys(str(error.get("extensions", {}).get("code", INTERNAL)) for error in errors))


def code_of(error: BaseException) -> str:
    """The code of what ended a request. What has none is a fault, and masked."""
    if isinstance(error, CancelledError):
        return "CANCELLED"
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else INTERNAL
