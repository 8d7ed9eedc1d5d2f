"""Traces: a span for the request, each level and each statement, below whoever asked; and no value in any of them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.asgi import create_app
from app.settings import load
from app.telemetry.traces import Tracing
from core.errors import BadInput
from tests.support.demo_site import Site

ROOT = Path(__file__).parents[2]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

ORDERS = """query Recent($n: Int, $like: String!) {
  orders(first: $n) { nodes { number customer { name } lineItems(first: 2) { nodes { quantity } } } }
  products(first: 1, where: {name: {contains: $like}}) { nodes { sku } }
}"""
ADJUST = """mutation Count($note: String!) {
  warehouseCreate(input: {code: "TRACED", name: $note}) { warehouse { name } userErrors { code } }
}"""
SECRET = "hunter2 of the variables"


class Traced:
    """An application, and the spans that have ended."""

    def __init__(self, app: FastAPI, key: str) -> None:
        self._exporter = InMemorySpanExporter()
        app.state.telemetry.tracing = Tracing(SimpleSpanProcessor(self._exporter))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", headers={"Authorization": f"Bearer {key}"}
        )

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    async def ask(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
        return await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


@pytest.fixture
async def traced(site: Site) -> AsyncIterator[Traced]:
    made = Traced(create_app(load(request_log="off"), site.database), site.key)
    async with made.client:
        yield made


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def ident(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def below(spans: tuple[ReadableSpan, ...], span: ReadableSpan) -> list[str]:
    """The names of the spans right below one, in the order of their starts."""
    children = [each for each in spans if each.parent is not None and each.parent.span_id == ident(span)]
    return [each.name for each in sorted(children, key=lambda each: each.start_time or 0)]


def named(spans: tuple[ReadableSpan, ...], name: str) -> ReadableSpan:
    [found] = [each for each in spans if each.name == name]
    return found


async def test_a_query_has_a_span_for_each_level_and_each_statement(traced: Traced, site: Site) -> None:
    answer = await traced.ask(ORDERS, n=3, like=SECRET)
    assert "errors" not in answer.json(), answer.text
    spans = traced.spans
    request = spans[-1]
    assert (request.name, request.kind, request.parent) == ("query", SpanKind.SERVER, None)
    assert below(spans, request) == ["level Query"]
    assert below(spans, named(spans, "level Query")) == [
        "SELECT",
        "level OrderConnection",
        "SELECT",
        "level ProductConnection",
    ]
    assert below(spans, named(spans, "level OrderConnection")) == ["level Order"]
    inside = below(spans, named(spans, "level Order"))
    assert sorted(inside) == ["SELECT", "SELECT", "level LineItemConnection", "level Partner"]
    levels = {span.name: told(span) for span in spans if span.name.startswith("level ")}
    assert levels["level Order"] == {
        "erpgraph.level.path": "orders.nodes",
        "erpgraph.level.type": "Order",
        "erpgraph.level.objects": 3,
    }
    statements = [told(span) for span in spans if span.kind is SpanKind.CLIENT]
    assert len(statements) == 4 == told(request)["erpgraph.statements"]
    assert sum(each["db.response.returned_rows"] for each in statements) == told(request)["erpgraph.rows"]
    assert {each["db.system.name"] for each in statements} == {"postgresql"}
    assert all("$1" in each["db.query.text"] for each in statements)
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    facts = told(request)
    assert facts.pop("erpgraph.charged") > 0
    assert facts.pop("erpgraph.key").startswith("key:")
    assert facts == {
        "http.request.method": "POST",
        "url.path": "/graphql",
        "http.response.status_code": 200,
        "http.response.body.size": len(answer.content),
        "graphql.operation.type": "query",
        "graphql.operation.name": "Recent",
        "erpgraph.request_id": answer.headers["x-request-id"],
        "erpgraph.tenant": str(site.tenants[0].id),
        "erpgraph.statements": 4,
        "erpgraph.rows": facts["erpgraph.rows"],
        "erpgraph.outcome": "ok",
    }


async def test_no_span_has_a_value_in_it(traced: Traced) -> None:
    """Neither a variable nor a literal, nor what was written, nor what an error says."""
    await traced.ask(ORDERS, n=3, like=SECRET)
    assert "errors" not in (await traced.ask(ADJUST, note=SECRET)).json()
    await traced.ask(ADJUST, note=SECRET)
    await traced.ask(f'{{ products(first: 1, where: {{name: {{contains: "{SECRET}"}}}}) {{ nodes {{ sku }} }} }}')
    await traced.ask(f'{{ node(id: "{SECRET}") {{ id }} }}')
    await traced.ask(ORDERS, n=SECRET, like=SECRET)
    await traced.ask(f'{{ a(x: "{SECRET}") }}')
    assert len({span.context.trace_id for span in traced.spans if span.context}) == 7
    written = "\n".join(span.to_json() for span in traced.spans)
    assert "hunter2" not in written
    assert "TRACED" not in written


async def test_a_command_has_its_statements_below_its_level(traced: Traced) -> None:
    await traced.ask(ADJUST.replace("TRACED", "TRACED-2"), note="x")
    spans = traced.spans
    assert below(spans, spans[-1]) == ["level Mutation"]
    assert "INSERT" in below(spans, named(spans, "level Mutation"))
    assert told(spans[-1])["graphql.operation.type"] == "mutation"


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_request_is_part_of_the_trace_of_whoever_asks(traced: Traced, *, sampled: bool) -> None:
    """And where that isn't kept, nor is this."""
    header = {"traceparent": f"00-{TRACE}-{PARENT}-0{sampled:d}", "tracestate": "vendor=1"}
    await traced.ask("{ viewer { principal } }", header)
    assert len(traced.spans) == (3 if sampled else 0)
    if sampled:
        request = traced.spans[-1]
        assert request.parent is not None
        assert (request.parent.trace_id, request.parent.span_id) == (int(TRACE, 16), int(PARENT, 16))
        assert request.parent.trace_state == {"vendor": "1"}


@pytest.mark.parametrize("header", ["hunter2", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", ""])
async def test_what_is_no_parent_begins_a_trace(traced: Traced, header: str) -> None:
    await traced.ask("{ viewer { principal } }", {"traceparent": header})
    request = traced.spans[-1]
    assert request.parent is None
    assert request.context is not None
    assert request.context.trace_id != int(TRACE, 16)


async def test_the_log_names_the_trace(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("app.logs.WRITER.write", written.append)
    traced = Traced(create_app(load(request_log="all"), site.database), site.key)
    async with traced.client:
        await traced.ask("{ viewer { principal } }")
    [context] = {span.context.trace_id for span in traced.spans if span.context}
    assert [f"trace_id={context:032x}" in line for line in written if " request " in line] == [True]


async def test_what_failed_says_of_which_kind_it_is(
    traced: Traced, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that is wrong: its span and the request's; the words of the error in none."""
    await traced.ask("{ viewer { principal } }")  # who asks is known from then on
    monkeypatch.setattr("db.runtime.reader.Reader._run", _breaks)
    await traced.ask(ORDERS, n=3, like=SECRET)
    statement = next(span for span in traced.spans if span.kind is SpanKind.CLIENT)
    assert (statement.status.status_code, told(statement)["error.type"]) == (StatusCode.ERROR, "ZeroDivisionError")
    request = traced.spans[-1]
    assert (request.status.status_code, told(request)["error.type"]) == (StatusCode.ERROR, "INTERNAL_SERVER_ERROR")
    assert told(request)["erpgraph.outcome"] == "failed"
    assert "hunter2" not in "".join(span.to_json() for span in traced.spans)


async def _breaks(*_: object) -> None:
    raise ZeroDivisionError(SECRET)


async def test_a_request_that_is_called_off_ends_its_spans(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def waits(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    await traced.ask("{ viewer { principal } }")
    before = len(traced.spans)
    monkeypatch.setattr("db.runtime.reader.Reader._run", waits)
    asked = asyncio.create_task(traced.ask(ORDERS, n=3, like=SECRET))
    await begun.wait()
    asked.cancel()
    await asyncio.wait([asked])
    assert [(span.name, told(span)["error.type"]) for span in traced.spans[before:]] == [
        ("SELECT", "CancelledError"),
        ("level Query", "CancelledError"),
        ("query", "CANCELLED"),
    ]


async def test_two_at_a_time_keep_their_spans_apart(traced: Traced) -> None:
    await asyncio.gather(*(traced.ask(ORDERS, n=n, like="x") for n in range(1, 6)))
    requests = [span for span in traced.spans if span.kind is SpanKind.SERVER]
    assert len(requests) == 5
    for request in requests:
        assert request.context is not None
        mine = [s for s in traced.spans if s.context and s.context.trace_id == request.context.trace_id]
        statements = [span for span in mine if span.kind is SpanKind.CLIENT]
        assert len(statements) == told(request)["erpgraph.statements"] == 4


class Collector(BaseHTTPRequestHandler):
    """Takes spans by OTLP over HTTP."""

    taken: "SimpleQueue[tuple[str, ExportTraceServiceRequest]]"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.put((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing is written."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator["SimpleQueue[tuple[str, ExportTraceServiceRequest]]"]:
    Collector.taken = SimpleQueue()
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield Collector.taken
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_are_sent_by_otlp_and_the_last_ones_when_the_server_ends(
    site: Site, collector: "SimpleQueue[tuple[str, ExportTraceServiceRequest]]"
) -> None:
    app = create_app(load(traces="otlp", request_log="off"), site.database)
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {site.key}", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    async with (
        app.state.telemetry.running(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client,
    ):
        await client.post("/graphql", json={"query": ORDERS, "variables": {"n": 3, "like": SECRET}})
    path, sent = collector.get_nowait()
    assert (path, collector.empty()) == ("/v1/traces", True)
    [resource] = sent.resource_spans
    about = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert about["service.name"] == "erpgraph"
    [scope] = resource.scope_spans
    assert {span.trace_id.hex() for span in scope.spans} == {TRACE}
    [request] = [span for span in scope.spans if span.parent_span_id.hex() == PARENT]
    assert request.name == "query"
    assert len(scope.spans) == 12
    assert b"hunter2" not in sent.SerializeToString()


async def test_a_collector_that_is_away_stops_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("app.telemetry.traces.ENDS_WITHIN", 0.01)
    app = create_app(load(traces="otlp", request_log="off"), site.database)
    async with (
        app.state.telemetry.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client,
    ):
        answer = await client.post("/graphql", json={"query": "{ a }"}, headers={"Authorization": f"Bearer {site.key}"})
    assert answer.status_code == 200


def test_what_is_not_asked_for_is_not_imported() -> None:
    program = """
import sys
import app.server, app.serving.worker
from app.settings import load
from app.telemetry.telemetry import Telemetry
Telemetry(load())
heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client", "requests", "google")
print([name for name in sys.modules if name.startswith(heavy)])
"""  # FastAPI imports OpenTelemetry's interface wherever that is installed
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "[]\n"


def test_traces_without_their_packages_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.settings.find_spec", lambda name: None if name == "opentelemetry.sdk" else name)
    with pytest.raises(BadInput, match=r"ERPGRAPH_TRACES is not usable.*erpgraph\[traces\]"):
        load(traces="otlp")
    assert load().traces == "off"
