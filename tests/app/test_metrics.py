"""``/metrics``: what it counts, that it is nobody's who queries, and that no client adds to it but by being counted."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.asgi import create_app
from app.serving.listeners import check_metrics
from app.settings import load
from app.telemetry.exposition import exposed
from app.telemetry.metrics import MOST_CODES, SECONDS, Metrics
from app.telemetry.record import RequestRecord
from core.errors import BadInput
from db.runtime.standby import Standby
from tests.support.demo_site import Site
from tests.support.http import eventually, serving
from tests.support.metrics import Samples, free_ports, samples, scraped
from tests.support.metrics import shown as shown_at

ORDERS = "query Recent($n: Int) { orders(first: $n) { nodes { number } } }"
WAREHOUSE = 'mutation Add { warehouseCreate(input: {code: "MET", name: "secret words"}) { userErrors { code } } }'


class Shown:
    """An application whose figures are shown."""

    def __init__(self, app: FastAPI, key: str, port: int) -> None:
        self.app = app
        self.metrics: Metrics = app.state.telemetry.metrics
        self.port = port
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {key}"},
        )

    async def text(self) -> str:
        return await shown_at(self.port)

    async def samples(self) -> Samples:
        return samples(await self.text())

    async def ask(self, query: str, **more: Any) -> httpx.Response:
        return await self.client.post("/graphql", json={"query": query, **more})


@pytest.fixture
async def shown(site: Site) -> AsyncIterator[Shown]:
    port = free_ports()
    app = create_app(load(metrics_port=port, request_log="off"), site.database)
    made = Shown(app, site.key, port)
    async with app.state.telemetry.running(), made.client:
        yield made


async def test_a_query_is_counted_by_what_it_took(shown: Shown) -> None:
    answer = await shown.ask(ORDERS, variables={"n": 3})
    cost = answer.json()["extensions"]["cost"]
    found = await shown.samples()
    assert {name: value for (name, labels), value in found.items() if not labels and name.endswith("_total")} == {
        "statements_total": 1,
        "rows_total": found["rows_total", ()],
        "statement_seconds_total": found["statement_seconds_total", ()],
        "loop_seconds_total": found["loop_seconds_total", ()],
        "requested_points_total": cost["requested"],
        "actual_points_total": cost["actual"],
        "charged_points_total": found["charged_points_total", ()],
        "response_bytes_total": len(answer.content),
        "log_lines_dropped_total": 0,
    }
    assert found["rows_total", ()] >= 3
    # None where the loop was late: what it was late by is no time of the statement's.
    assert 0 <= found["statement_seconds_total", ()] <= found["request_seconds_sum", ("query",)]
    assert found["loop_seconds_total", ()] > 0
    assert found["charged_points_total", ()] >= cost["charged"]
    assert found["requests_total", ("query", "ok", "200")] == 1
    assert found["request_seconds_count", ("query",)] == found["request_seconds_bucket", ("query", "+Inf")] == 1
    assert found["requests_in_flight", ()] == 0


async def test_every_end_of_a_request_is_counted_once(shown: Shown, site: Site) -> None:
    asked = Counter({("query", "ok", "200"): 2, ("mutation", "ok", "200"): 1})
    assert [(await shown.ask(ORDERS)).status_code for _ in range(2)] == [200, 200]
    assert "errors" not in (await shown.ask(WAREHOUSE)).json()
    await shown.client.post("/graphql", json={"query": "{ a }"}, headers={"Authorization": ""})
    await shown.ask("{ a")
    await shown.ask("{ hunter2 }")
    await shown.ask(ORDERS, variables={"n": "hunter2"})
    await shown.client.post("/graphql", json={"query": "{ a }"}, headers={"Host": "hunter2.example"})
    await shown.client.get("/graphql", headers={"Accept": "text/html"})
    denied = {"Authorization": f"Bearer {await site.without_roles()}"}
    await shown.client.post("/graphql", json={"query": "{ orders { nodes { id } } }"}, headers=denied)
    found = await shown.samples()
    asked += Counter(
        {
            ("none", "refused", "401"): 1,
            ("none", "refused", "200"): 2,
            ("query", "refused", "200"): 1,
            ("none", "refused", "400"): 1,
            ("page", "ok", "200"): 1,
            ("query", "errors", "200"): 1,
        }
    )
    assert {labels: value for (name, labels), value in found.items() if name == "requests_total"} == asked
    assert {labels[0]: value for (name, labels), value in found.items() if name == "refusals_total"} == {
        "UNAUTHENTICATED": 1,
        "GRAPHQL_PARSE_FAILED": 1,
        "GRAPHQL_VALIDATION_FAILED": 1,
        "BAD_USER_INPUT": 1,
        "BAD_REQUEST": 1,
    }
    assert {labels[0]: value for (name, labels), value in found.items() if name == "errors_total"} == {"FORBIDDEN": 1}


async def test_nothing_of_anybodys_is_in_it(shown: Shown, site: Site) -> None:
    await shown.ask(ORDERS)
    await shown.ask(WAREHOUSE)
    text = await shown.text()
    told = ("Recent", "Add", "secret", "hunter", str(site.tenants[0].id), site.tenants[0].name, "larkspur", site.key)
    assert [word for word in told if word in text] == []


def test_a_client_that_varies_what_it_can_adds_no_series() -> None:
    metrics = Metrics()
    for number in range(500):
        record = RequestRecord("")
        record.name(f"Operation{number}")
        record.status, record.codes = 400, (f"CODE_{number}", "BAD_REQUEST")
        record.executed = number % 2 == 0
        metrics.count(record)
    assert {*metrics.requests} == {("none", "400", "errors"), ("none", "400", "refused")}
    assert len(metrics.refusals) <= MOST_CODES + 1
    assert len(metrics.errors) <= MOST_CODES + 1
    assert metrics.refusals.total() + metrics.errors.total() == 1000


async def test_the_public_port_does_not_show_it(shown: Shown) -> None:
    async with serving(shown.app) as port, httpx.AsyncClient() as client:
        for path in ("/metrics", "/metrics/", "/graphql/metrics"):
            for headers in ({}, dict(shown.client.headers)):
                answer = await client.get(f"http://localhost:{port}{path}", headers=headers)
                assert (answer.status_code, "erpgraph_" in answer.text) == (404, False)


async def test_without_a_port_nothing_is_counted(site: Site) -> None:
    app = create_app(load(), site.database)
    async with app.state.telemetry.running():
        assert app.state.telemetry.metrics is None


async def test_it_answers_while_the_loop_is_held_up_and_a_client_says_nothing(shown: Shown) -> None:
    await shown.text()
    with socket.create_connection(("127.0.0.1", shown.port)):
        got: list[str] = []
        thread = Thread(target=lambda: got.append(scraped(shown.port)))
        thread.start()
        thread.join(30)  # in which the loop doesn't turn
    assert samples(got[0])["requests_in_flight", ()] == 0


async def test_pools_stores_and_who_waits_are_looked_at(shown: Shown, site: Site) -> None:
    await shown.ask(ORDERS)
    async with site.database.transaction(site.tenants[0].id):
        await eventually(lambda: shown.metrics.gauges["pool_in_use"].get(("writing",)) == 1)
        found = await shown.samples()
    assert {labels for name, labels in found if name == "pool_size"} == {("reading",), ("writing",), ("aside",)}
    assert found["pool_size", ("writing",)] == 10
    assert found["pool_open", ("reading",)] >= 1
    assert found["documents", ("validated",)] == 1
    assert found["documents_bytes", ("validated",)] > len(ORDERS)
    assert found["documents", ("persisted",)] == 0
    assert found["requests_waiting", ("query",)] == found["requests_waiting", ("mutation",)] == 0
    await eventually(lambda: shown.metrics.gauges["pool_in_use"][("writing",)] == 0)


async def test_a_request_is_in_flight_until_it_ends(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def waits(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("app.throttling.budgets.Charge.keep_pace", waits)
    asked = asyncio.create_task(shown.ask("{ a }"))
    await begun.wait()
    assert (await shown.samples())["requests_in_flight", ()] == 1
    asked.cancel()
    await asyncio.wait([asked])
    found = await shown.samples()
    assert (found["requests_in_flight", ()], found["requests_total", ("none", "failed", "0")]) == (0, 1)


def test_a_histogram_has_each_duration_in_every_bucket_that_is_as_long() -> None:
    metrics = Metrics()
    for seconds in (0.0, *SECONDS, 99.0):
        metrics.lag.observe(seconds)
    assert metrics.lag.buckets()[0] == ("0.001", 2)
    assert [count for _, count in metrics.lag.buckets()] == [*range(2, len(SECONDS) + 3)]
    assert metrics.lag.total == sum(SECONDS) + 99


async def test_a_port_that_becomes_free_is_taken() -> None:
    """As that of a worker which leaves is by its successor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        leaving = listener.dup()
    async with exposed(Metrics(), dict, "127.0.0.1", port):
        await asyncio.sleep(0)
        leaving.close()
        assert "erpgraph_build_info" in await shown_at(port)


def test_a_port_in_use_is_told_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BadInput, match=f"Port {port} of 127.0.0.1 can't be used.*METRICS_PORT"):
            check_metrics(load(metrics_port=port))
    check_metrics(load(metrics_port=port))


@pytest.mark.parametrize(
    "settings",
    [
        {"port": 9000, "metrics_port": 9000},
        {"port": 9001, "metrics_port": 9000, "workers": 2},
        {"metrics_port": 65_535, "workers": 2},
        {"metrics_port": -1},
    ],
)
def test_ports_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="METRICS_PORT"):
        load(**settings)
    load(port=9002, metrics_port=9000, workers=2)


async def test_the_lag_of_a_standby_is_told_and_a_quiet_one_remembers_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.runtime.standby.PRIMARY_EVERY", 0)
    written = 0

    async def writes() -> int:
        nonlocal written
        written += 10
        return written

    standby = Standby(_Away(), Any, writes, lag=0.0)  # type: ignore[arg-type]  # it never gets a connection
    await eventually(lambda: written > 1000)
    assert len(standby._primary) <= 2
    assert standby.lag() is None
    standby._replayed = 500
    lag = standby.lag()
    assert lag is not None
    assert (lag[0], lag[1] >= 0) == (standby._primary[-1][1] - 500, True)
    standby._replayed = 10**9
    assert standby.lag() == (0, 0.0)
    await standby.close()


class _Away:
    def acquire(self, timeout: float) -> Any:  # noqa: ARG002 - a pool's
        raise ConnectionRefusedError

    async def close(self) -> None:
        """Nothing is open."""
