"""Where the parts of the server report a request's begin and end."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.settings import Settings
from app.telemetry.metrics import Gauges, Metrics
from app.telemetry.record import RequestRecord
from app.telemetry.request_log import RequestLog

if TYPE_CHECKING:
    from app.telemetry.traces import Tracing

Handler = Callable[[Request], Awaitable[Response]]


class Telemetry:
    """One application's: each request that ends is counted, where somebody reads the counts, and written down."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics() if settings.metrics_port else None
        self.tracing = _tracing(settings)
        self.look: Callable[[], Gauges] = dict
        """What there is besides requests, now."""
        self._settings = settings
        self._log = RequestLog(settings)

    def begin(self, request: HTTPConnection, request_id: str) -> RequestRecord:
        """The record of a request that begins now. It must ``end``."""
        if self.metrics is not None:
            self.metrics.in_flight += 1
        record = RequestRecord.of(request, request_id)
        if self.tracing is not None:
            record.trace = self.tracing.begin(record, request.scope)
        return record

    def end(self, record: RequestRecord, answer: Response | None) -> None:
        """A request has its answer, or never will have one."""
        record.end(answer)
        if self.metrics is not None:
            self.metrics.in_flight -= 1
        if record.trace is not None:
            record.trace.end(record)
        self._report(record)

    def route(self, kind: str, answer: Callable[[Request, RequestRecord], Awaitable[Response]]) -> Handler:
        """What answers requests that aren't operations, each with its record as of this kind."""

        async def handle(request: Request) -> Response:
            record = self.begin(request, uuid4().hex)
            record.kind = kind
            response: Response | None = None
            try:
                with record:
                    response = await answer(request, record)
            except HTTPException as error:  # the answer is put together further out
                record.status, record.codes = error.status_code, ()
                raise
            finally:
                self.end(record, response)
            return response

        return handle

    def refused(self, status: int, code: str, address: str = "") -> None:
        """A request was refused for what it looks like, before anybody read what it asks for."""
        record = RequestRecord("", address=address)
        record.status, record.codes = status, (code,)
        self._report(record)

    def _report(self, record: RequestRecord) -> None:
        if self.metrics is not None:
            self.metrics.count(record)
        self._log.write(record)

    @contextlib.asynccontextmanager
    async def running(self, worker: int = 0) -> AsyncIterator[None]:
        """In here the figures are shown, of several workers each on a port of its own, one after the other; and spans are
        sent.
        """
        async with contextlib.AsyncExitStack() as stack:
            if self.tracing is not None:
                await stack.enter_async_context(self.tracing.running())
            if self.metrics is not None:
                # 34 ms that whoever shows nothing needn't wait.
                from app.telemetry.exposition import exposed  # noqa: PLC0415

                port = self._settings.metrics_port + worker
                shown = exposed(self.metrics, self.look, self._settings.metrics_host, port)
                await stack.enter_async_context(shown)
            yield


def _tracing(settings: Settings) -> "Tracing | None":
    if settings.traces == "off":
        return None
    from app.telemetry.traces import Tracing  # noqa: PLC0415 - an extra, which may not be installed

    return Tracing()
