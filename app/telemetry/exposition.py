"""``/metrics``, on a port of its own: figures of the whole site are its operators', not everybody's who may query it.

A thread answers, so that it does while the loop is held up, which is what one wants to see then.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from platform import python_version
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from app import __version__, logs
from app.telemetry.metrics import Gauges, Histogram, Metrics
from services.kit.work import repeated

log = structlog.get_logger()

WITHIN = 5.0
"""Seconds in which a request must have come: a thread that waits for the rest of one waits no longer."""

PORT_RETRY_AFTER = 0.5
"""Seconds until a port that is taken is tried again: a worker's successor has it when the worker has ended."""

REPORT_AFTER = 60
"""Attempts after which the log says so."""

GAUGES = {
    "pool_size": ("Database connections that there may be", ("pool",)),
    "pool_open": ("Database connections that are open", ("pool",)),
    "pool_in_use": ("Database connections that serve somebody", ("pool",)),
    "requests_waiting": ("Requests that wait for their turn at the database", ("kind",)),
    "subscriptions": ("Subscriptions that are open, whatever they came by", ()),
    "sockets": ("WebSockets that are open and have said whose they are", ()),
    "documents": ("Documents that are kept", ("store",)),
    "documents_bytes": ("Memory of the documents that are kept", ("store",)),
    "standby_in_use": ("Whether queries read from the standby", ()),
    "standby_lag_bytes": ("What the primary has written and the standby has not replayed", ()),
    "standby_lag_seconds": ("How long ago the primary had written what the standby has not replayed, at the least", ()),
}
"""What a look finds: its text, and its labels."""

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Figures(Collector):
    """What an application has counted, as Prometheus reads it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        """All figures as they are now."""
        it = self._metrics
        yield _counter("requests", "Requests to the graph", it.requests, "kind", "status", "outcome")
        yield _counter("errors", "Errors in answers that were executed", it.errors, "code")
        yield _counter("refusals", "Requests that were refused before they were executed", it.refusals, "code")
        yield _counter("command_retries", "Attempts at commands that were begun again", repeated, "reason")
        yield _histogram("request_seconds", "Time until the answer was ready", it.durations, "kind")
        yield _histogram("loop_lag_seconds", "How late the event loop was", {(): it.lag})
        yield _counter("statements", "SQL statements of requests", {(): it.statements})
        yield _counter("statement_seconds", "Time of SQL statements of requests", {(): it.statement_seconds})
        yield _counter("loop_seconds", "Processor time of requests", {(): it.loop_seconds})
        yield _counter("rows", "Rows that requests read", {(): it.rows})
        yield _counter("requested_points", "Prices of requests before they ran", {(): it.requested})
        yield _counter("actual_points", "What their answers came to", {(): it.actual})
        yield _counter("charged_points", "What their keys paid", {(): it.charged})
        yield _counter("response_bytes", "Bytes of answers, without their heads", {(): it.bytes})
        yield _counter("log_lines_dropped", "Lines of the log that nobody took in time", {(): logs.WRITER.dropped})
        yield _gauge("requests_in_flight", "Requests that are served now", {(): it.in_flight})
        for name, (text, labels) in GAUGES.items():
            yield _gauge(name, text, it.gauges.get(name, {}), *labels)
        yield _gauge("build_info", "The program that runs", {(__version__, python_version()): 1.0}, "version", "python")


@contextlib.asynccontextmanager
async def exposed(metrics: Metrics, look: Callable[[], Gauges], host: str, port: int) -> AsyncIterator[None]:
    """In here ``/metrics`` is served at that address, from when it can be had on."""
    watching = asyncio.create_task(metrics.watch(look))
    try:
        async with exposing([Figures(metrics)], host, port):
            yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@contextlib.asynccontextmanager
async def exposing(them: Iterable[Collector], host: str, port: int) -> AsyncIterator[None]:
    """As ``exposed``, for what is collected otherwise."""
    registry = CollectorRegistry()
    for each in (*them, ProcessCollector(registry=None)):
        registry.register(each)
    serving = asyncio.create_task(_serve(registry, host, port))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _serve(registry: CollectorRegistry, host: str, port: int) -> None:
    """Serve until it is called off."""
    server = await _server(registry, host, port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True)
    thread.start()
    try:
        await asyncio.Event().wait()
    finally:
        server.shutdown()  # at most a tenth of a second, when there is nobody to serve any more
        server.server_close()


async def _server(registry: CollectorRegistry, host: str, port: int) -> WSGIServer:
    attempts = 0
    while True:
        try:
            return make_server(host, port, make_wsgi_app(registry), server_class(host), _Handler)
        except OSError as error:
            attempts += 1
            if attempts == REPORT_AFTER:
                log.warning("nobody can read the metrics", port=port, reason=error.strerror)
        await asyncio.sleep(PORT_RETRY_AFTER)


def server_class(host: str) -> type[WSGIServer]:
    """The server for an address of this family."""
    return _Server6 if ":" in host else _Server


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, so that a slow one doesn't keep Prometheus waiting."""

    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Without the question for the host's name that http.server has, which a name server may take seconds for."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever left has left."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = WITHIN

    def address_string(self) -> str:
        """Nor is the client's name asked for."""
        return str(self.client_address[0])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """No line for each scrape."""


def _labels(key: object) -> list[str]:
    return [*map(str, key)] if isinstance(key, tuple) else [str(key)]


def _counter(name: str, text: str, counted: Mapping[Any, float], *labels: str) -> Family:
    family = CounterMetricFamily(f"erpgraph_{name}", text, labels=labels)
    for key, value in dict(counted).items():  # a copy: the loop goes on counting
        family.add_metric(_labels(key), value)
    return family


def _gauge(name: str, text: str, values: Mapping[Any, float], *labels: str) -> Family:
    family = GaugeMetricFamily(f"erpgraph_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(_labels(key), value)
    return family


def _histogram(name: str, text: str, them: Mapping[Any, Histogram], *labels: str) -> Family:
    family = HistogramMetricFamily(f"erpgraph_{name}", text, labels=labels)
    for key, each in dict(them).items():
        family.add_metric(_labels(key), each.buckets(), each.total)
    return family
