"""Traces, by OpenTelemetry: a span for each request, for each level of its execution, and for each statement.

What is in a span is what a line of the log may have, places in the answer, and SQL, in which values are ``$1``: never a
variable, a literal or a row. Imported only where ``ERPGRAPH_TRACES`` asks for it.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextvars import Token
from threading import Thread
from time import time_ns

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.types import Scope

from app import __version__
from app.telemetry.record import RequestRecord
from app.telemetry.request_log import facts

ENDS_WITHIN = 2.0
"""Seconds that the last spans have to be sent when the server ends; a collector that hangs isn't waited for."""

CARRIED = frozenset({b"traceparent", b"tracestate"})

METHODS = frozenset({"GET", "POST"})

NAMES = {
    "kind": "graphql.operation.type",
    "operation": "graphql.operation.name",
    "status": "http.response.status_code",
    "bytes": "http.response.body.size",
    "address": "client.address",
}
"""What OpenTelemetry calls what a line of the log says; the rest has the names of the log after ``erpgraph.``."""

LEFT_OUT = frozenset({"milliseconds", "slow", "trace_id"})
"""What a span has by itself."""


class Tracing:
    """One application's. ``processor`` takes the spans; None: they go by OTLP to where the variables ``OTEL_*`` say."""

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or "erpgraph"
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("erpgraph", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, record: RequestRecord, scope: Scope) -> "RequestTrace | None":
        """The trace of a request, which is the current one until it ends; None where this one isn't sampled."""
        carrier: dict[str, str] = {}
        for name, value in scope["headers"]:
            if name in CARRIED:
                key, text = name.decode(), value.decode("latin-1")
                carrier[key] = f"{carrier[key]},{text}" if key in carrier else text  # two traceparents are none
        method = scope.get("method", "GET")  # a WebSocket began as one
        span = self._tracer.start_span(
            "request",
            self._propagator.extract(carrier, context.Context()),
            SpanKind.SERVER,
            {"http.request.method": method if method in METHODS else "_OTHER", "url.path": scope["path"]},
        )
        if not span.is_recording():
            return None
        record.trace_id = format_trace_id(span.get_span_context().trace_id)
        return RequestTrace(self, span)

    def level(self, path: str, type_: str, objects: int) -> "_Current":
        """A span for a level, below the current one."""
        about: dict[str, AttributeValue] = {
            "erpgraph.level.path": path,
            "erpgraph.level.type": type_,
            "erpgraph.level.objects": objects,
        }
        return _Current(self._tracer.start_span(f"level {type_}", attributes=about))

    def statement(self, sql: str, seconds: float, rows: int, error: BaseException | None) -> None:
        """A statement has just ended."""
        ended = time_ns()
        span = self._tracer.start_span(
            sql.split(None, 1)[0],
            kind=SpanKind.CLIENT,
            start_time=ended - int(seconds * 1_000_000_000),
            attributes={"db.system.name": "postgresql", "db.query.text": sql, "db.response.returned_rows": rows},
        )
        if error is not None:
            failed(span, type(error).__name__)
        span.end(ended)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """In here spans are sent; what is left of them is sent in the end."""
        try:
            yield
        finally:
            ending = Thread(target=self._provider.shutdown, daemon=True)
            ending.start()
            await asyncio.to_thread(ending.join, ENDS_WITHIN)


class _Current(contextlib.AbstractContextManager[None]):
    """In here a span is the current one. Of an error it says of which kind it is: its words may have values in them."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._token = context.attach(set_span_in_context(self._span))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        context.detach(self._token)
        if kind is not None:
            failed(self._span, kind.__name__)
        self._span.end()


class RequestTrace:
    """The trace of one request, and what follows its execution (``core.spending.Observer``)."""

    __slots__ = ("_span", "_token", "_tracing")

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span
        self._token: Token[context.Context] = context.attach(set_span_in_context(span))

    def level(self, path: str, type_: str, objects: int) -> contextlib.AbstractContextManager[None]:
        return self._tracing.level(path, type_, objects)

    def statement(self, sql: str, seconds: float, rows: int, error: BaseException | None) -> None:
        self._tracing.statement(sql, seconds, rows, error)

    def end(self, record: RequestRecord) -> None:
        """The request has ended, in the task that it began in."""
        span, outcome = self._span, record.outcome
        span.update_name(record.kind)
        about: dict[str, AttributeValue] = {"erpgraph.outcome": outcome}
        for name, value in facts(record, slow=False).items():
            if name not in LEFT_OUT:
                shown = value if isinstance(value, int | str | tuple) else str(value)
                about[NAMES.get(name) or f"erpgraph.{name}"] = shown
        span.set_attributes(about)
        if outcome == "failed":
            failed(span, record.codes[0] if record.codes else str(record.status))
        context.detach(self._token)
        span.end()


def failed(span: Span, error: str) -> None:
    """Mark a span with the kind of error that it ended with."""
    span.set_attribute("error.type", error)
    span.set_status(Status(StatusCode.ERROR))
