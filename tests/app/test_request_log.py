"""The log's line for each request: what it says, what it never says, and that no flood fills it."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import logs
from app.asgi import create_app
from app.settings import load
from app.telemetry.record import RequestRecord, trace_of
from app.telemetry.request_log import REFUSALS, RequestLog
from core.errors import BrokenInvariant
from db.runtime.engine import Database
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually, serving

ORDERS = "query Recent($n: Int) { orders(first: $n, where: {status: {eq: CONFIRMED}}) { nodes { number } } other: viewer { tenant { name } } }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []
    monkeypatch.setattr(logs.WRITER, "write", written.append)
    return written


def asks(site: Site, key: str | None = None, **settings: object) -> httpx.AsyncClient:
    return site.client(key, **{"request_log": "all", "log_format": "json", **settings})  # type: ignore[arg-type]  # settings of all types


def requests(lines: list[str]) -> list[dict[str, Any]]:
    found = map(orjson.loads, lines)
    return [line for line in found if line["event"] == "request"]


async def test_a_query_has_one_line_with_what_it_took(site: Site, lines: list[str]) -> None:
    async with asks(site) as client:
        answer = await client.post(
            "/graphql",
            json={"query": ORDERS, "variables": {"n": 3}},
            headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        )
    [line] = requests(lines)
    async with site.admin() as connection:
        [key] = await connection.fetch("SELECT id FROM api_keys WHERE name = 'tests'")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert line.pop("milliseconds") > 0
    assert line.pop("charged") >= answer.json()["extensions"]["cost"]["charged"]  # the writing of the answer as well
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "kind": "query",
        "operation": "Recent",
        "tenant": str(site.tenants[0].id),
        "key": f"key:{key['id']}",
        "status": 200,
        "statements": 2,
        "rows": 5,
        "bytes": len(answer.content),
        "trace_id": TRACE,
    }


async def test_a_command_has_its_kind_and_what_it_wrote_with(site: Site, lines: list[str]) -> None:
    mutation = 'mutation Add { warehouseCreate(input: {code: "LOG-1", name: "secret words"}) { userErrors { code } } }'
    async with asks(site) as client:
        answer = await client.post("/graphql", json={"query": mutation})
    assert "errors" not in answer.json(), answer.text
    [line] = requests(lines)
    assert (line["kind"], line["operation"], line["status"]) == ("mutation", "Add", 200)
    assert line["statements"] > 0
    assert "secret" not in lines[0]


REFUSED: dict[str, tuple[Callable[[httpx.AsyncClient], Any], int, list[str], str]] = {
    "no key": (
        lambda client: client.post(
            "/graphql", json={"query": "{ viewer { principal } }"}, headers={"Authorization": ""}
        ),
        401,
        ["UNAUTHENTICATED"],
        "none",
    ),
    "a wrong key": (
        lambda client: client.post("/graphql", json={"query": "{ a }"}, headers={"Authorization": "Bearer hunter2"}),
        401,
        ["UNAUTHENTICATED"],
        "none",
    ),
    "no JSON": (lambda client: client.post("/graphql", content=b"hunter2"), 415, ["BAD_REQUEST"], "none"),
    "a syntax error": (
        lambda client: client.post("/graphql", json={"query": 'query hunter { x(a: "hunter2"'}),
        200,
        ["GRAPHQL_PARSE_FAILED"],
        "none",
    ),
    "an unknown field": (
        lambda client: client.post("/graphql", json={"query": "{ hunter2 }"}),
        200,
        ["GRAPHQL_VALIDATION_FAILED"],
        "none",
    ),
    "a variable that doesn't fit": (
        lambda client: client.post("/graphql", json={"query": ORDERS, "variables": {"n": "hunter2"}}),
        200,
        ["BAD_USER_INPUT"],
        "query",
    ),
    "a foreign name": (
        lambda client: client.post("/graphql", json={"query": "{ a }"}, headers={"Host": "hunter2.example"}),
        400,
        ["BAD_REQUEST"],
        "none",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_has_a_line_that_repeats_nothing(site: Site, lines: list[str], case: str) -> None:
    send, status, errors, kind = REFUSED[case]
    async with asks(site) as client:
        assert (await send(client)).status_code == status
    [line] = requests(lines)
    assert (line["level"], line["status"], line["errors"], line["kind"]) == ("info", status, errors, kind)
    assert [text for text in lines if "hunter" in text and '"event":"request"' in text] == []


async def test_what_is_no_http_has_a_line_as_well(site: Site, lines: list[str]) -> None:
    app = create_app(load(request_log="all", log_format="json"), site.database)
    async with serving(app) as port, Wire(port) as wire:
        wire.send(b"hunter2\r\n\r\n")
        assert (await wire.answer()).status == 400
    [line] = requests(lines)
    assert (line["status"], line["errors"], line["address"]) == (400, ["BAD_REQUEST"], "127.0.0.1")


async def test_errors_in_an_answer_and_slow_ones_are_warnings(site: Site, lines: list[str]) -> None:
    key = await site.without_roles()
    async with asks(site, key) as client:
        await client.post("/graphql", json={"query": "{ orders(first: 1) { nodes { id } } }"})
    async with asks(site, slow_milliseconds=1) as client:
        await client.post("/graphql", json={"query": "{ orders(first: 100) { nodes { lineItems { nodes { id } } } } }"})
    denied, slow = requests(lines)
    assert (denied["level"], denied["errors"], "slow" in denied) == ("warning", ["FORBIDDEN"], False)
    assert (slow["level"], slow["slow"], "errors" in slow) == ("warning", True, False)


async def test_a_fault_of_ours_is_an_error(site: Site, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise BrokenInvariant("hunter2")

    monkeypatch.setattr("app.documents.resolver.DocumentResolver.resolve", breaks)
    async with asks(site) as client:
        assert (await client.post("/graphql", json={"query": "{ a }"})).status_code == 500
    [line] = requests(lines)
    assert (line["level"], line["status"], line["errors"]) == ("error", 500, ["INTERNAL_SERVER_ERROR"])


async def test_a_request_that_is_called_off_has_a_line(
    site: Site, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def waits(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("app.throttling.budgets.Charge.keep_pace", waits)
    async with asks(site) as client:
        asked = asyncio.create_task(client.post("/graphql", json={"query": "{ a }"}))
        await begun.wait()
        asked.cancel()
        await asyncio.wait([asked])
    [line] = requests(lines)
    assert (line["level"], line["status"], line["errors"]) == ("error", 0, ["CANCELLED"])


async def test_what_is_wanted_is_written_and_nothing_else(site: Site, lines: list[str]) -> None:
    for wanted in ("notable", "off"):
        async with asks(site, request_log=wanted) as client:
            await client.post("/graphql", json={"query": "{ viewer { principal } }"})
            await client.post("/graphql", json={"query": "{ a }"})
    assert requests(lines) == []
    async with asks(site, await site.without_roles(), request_log="notable") as client:
        await client.post("/graphql", json={"query": "{ orders(first: 1) { nodes { id } } }"})
    assert [line["errors"] for line in requests(lines)] == [["FORBIDDEN"]]


async def test_the_page_and_health_are_no_requests_of_the_graph(site: Site, lines: list[str]) -> None:
    async with asks(site) as client:
        await client.get("/healthz")
        assert requests(lines) == []
        await client.get("/graphql", headers={"Accept": "text/html"})
    assert [(line["kind"], line["status"]) for line in requests(lines)] == [("page", 200)]


async def test_the_schemas_and_the_explorers_files_have_a_line(site: Site, lines: list[str]) -> None:
    async with asks(site) as client:
        answer = await client.get("/graphql/schema.graphql")
        again = {"If-None-Match": answer.headers["etag"], "Authorization": client.headers["authorization"]}
        await client.get("/graphql/schema.graphql", headers=again)
        await client.get("/graphql/schema.graphql", headers={"Authorization": ""})
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        [script] = re.findall(r'src="/explorer/([^"]+)"', page.text)
        file = await client.get(f"/explorer/{script}")
        await client.get("/explorer/hunter2")
    schema, unchanged, refused, _, found, unknown = requests(lines)
    assert (schema["kind"], schema["status"], schema["bytes"]) == ("schema", 200, int(answer.headers["content-length"]))
    assert (schema["request_id"], schema["charged"]) == (answer.headers["x-request-id"], schema["bytes"] // 100)
    assert schema["tenant"] == str(site.tenants[0].id)
    assert (unchanged["status"], unchanged["bytes"]) == (304, 0)
    assert (refused["kind"], refused["status"], refused["errors"]) == ("schema", 401, ["UNAUTHENTICATED"])
    assert (found["kind"], found["status"], found["bytes"]) == ("file", 200, int(file.headers["content-length"]))
    assert (unknown["kind"], unknown["status"]) == ("file", 404)
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize("least, written", [("debug", 3), ("info", 3), ("warning", 2), ("error", 1)])
async def test_the_level_of_the_log_is_that_of_its_lines_for_requests(
    lines: list[str], least: str, written: int
) -> None:
    log = RequestLog(load(request_log="all", log_level=least, log_format="json"))
    for status, seconds in ((200, 0.0), (200, 9.0), (500, 0.0)):
        record = RequestRecord("")
        record.status, record.seconds = status, seconds
        log.write(record)
    assert [line["level"] for line in requests(lines)] == ["info", "warning", "error"][3 - written :]


async def test_a_flood_of_refusals_is_counted_not_written(site: Site, lines: list[str]) -> None:
    """And the requests that are served beside it have their lines."""
    flood = 5 * REFUSALS
    async with asks(site) as client:
        for _ in range(flood):
            await client.post("/graphql", json={"query": "{ a }"}, headers={"Authorization": ""})
        await client.post("/graphql", json={"query": "{ viewer { principal } }"})
        await eventually(lambda: sum(line["count"] for line in left_out(lines)) + refusals(lines) == flood)
    assert refusals(lines) < flood
    assert [line["kind"] for line in requests(lines) if line["status"] == 200] == ["query"]
    assert {line["level"] for line in left_out(lines)} == {"warning"}


def refusals(lines: list[str]) -> int:
    return sum(line["status"] == 401 for line in requests(lines))


def left_out(lines: list[str]) -> list[dict[str, Any]]:
    return [line for line in map(orjson.loads, lines) if line["event"] == "requests left out of the log"]


async def test_a_second_has_so_many_refusals_and_the_next_as_many_again(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("app.telemetry.request_log.monotonic", lambda: now)
    log = RequestLog(load(request_log="all", log_format="json"))
    for second in range(3):
        now = 100.0 + second
        for _ in range(REFUSALS + 7):
            record = RequestRecord("")
            record.status, record.codes = 429, ("THROTTLED",)
            log.write(record)
        assert len(requests(lines)) == REFUSALS * (second + 1)
    await eventually(lambda: bool(left_out(lines)))
    assert [line["count"] for line in left_out(lines)] == [21]


HOSTILE = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\ud800", "\x9b31m", "a b=c", '"', "\u202e"])


@given(HOSTILE, HOSTILE, st.sampled_from(["text", "json"]))
def test_no_value_writes_into_the_log(name: str, subject: str, format_: Any) -> None:
    """One printable line, whatever a client calls its operation and a token its subject."""
    record = RequestRecord("")
    record.name(name)
    facts = {"operation": record.operation, "key": f"user:{subject}", "status": 200}
    line = logs.line_of("info", "request", facts, format_)
    assert line.isprintable()
    if format_ == "json":
        assert json.loads(line)["key"] == f"user:{subject}"
    else:
        words = re.sub(r'"(\\.|[^"\\])*"', '""', line).split(" ")
        assert [word.partition("=")[0] for word in words if "=" in word] == ["operation", "key", "status"]


@pytest.mark.parametrize(
    "header, trace",
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", ""),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-00f067aa0ba902b7-01\n", ""),
        ("hunter2", ""),
    ],
)
def test_a_trace_is_followed_where_its_header_is_valid(header: str, trace: str) -> None:
    assert trace_of(header) == trace


@pytest.mark.parametrize("least", ["info", "debug"])
async def test_an_outage_is_a_line_a_second(site: Site, lines: list[str], least: str) -> None:
    """With the number of requests that found no database; they have lines of their own, as a flood has, for who debugs."""
    away = Database(site.target)
    await away.open()
    app_settings: dict[str, Any] = {"request_log": "all", "log_format": "json", "log_level": least}
    async with site.client(database=away, **app_settings) as client:
        await client.post("/graphql", json={"query": "{ viewer { principal } }"})
        await away.close()
        before = len(lines)
        for _ in range(5 * REFUSALS):
            answer = await client.post("/graphql", json={"query": "{ viewer { tenant { name } } }"})
            assert answer.status_code == 503, answer.text
        await eventually(
            lambda: (
                len(requests(lines[before:]))
                + sum(x["count"] for x in left_out(lines))
                + sum(x["requests"] for x in outages(lines))
                == 5 * REFUSALS
            )
        )
    assert {(line["level"], *line["errors"]) for line in requests(lines[before:])} == (
        {("error", "UNAVAILABLE")} if least == "debug" else set()
    )
    assert [line for line in lines if "Traceback" in line] == []
    seconds = {line["timestamp"][:19] for line in outages(lines)}
    assert 1 <= len(outages(lines)) <= len(seconds) + 1


def outages(lines: list[str]) -> list[dict[str, Any]]:
    return [line for line in map(orjson.loads, lines) if line["event"] == "database unavailable"]
