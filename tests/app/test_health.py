"""What a supervisor sees, and clients meanwhile, while the database is missing, full, stopped and back."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from app import __version__, logs
from app.asgi import create_app
from app.http import health
from app.settings import load
from core import keys as key_format
from core.ids import new_id
from core.spaced import EVERY
from db.admin import embedded, migrate
from db.runtime.engine import Database, Target
from services.platform import keys, tenants
from tests.support.demo_site import Site
from tests.support.http import Wire, body, eventually, serving
from tests.support.postgres import TestServer

QUERY = {"query": "{ viewer { tenant { name } } }"}
COMMAND = {"query": 'mutation { warehouseCreate(input: {code: "W", name: "W"}) { userErrors { code } } }'}


async def ready(client: httpx.AsyncClient) -> tuple[int, str]:
    answer = await client.get("/readyz")
    assert (await client.get("/healthz")).status_code == 200
    return answer.status_code, answer.json().get("reason", "")


async def test_neither_needs_a_key_and_both_are_read_only(site: Site) -> None:
    async with site.client("") as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "version": __version__}
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        for path in ("/healthz", "/readyz"):
            assert (await client.post(path)).status_code == 405


async def test_all_who_ask_at_a_time_share_one_look(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each took one of the connections that queries have, and nobody who asks has a key to be bounded by."""
    looks, there = 0, asyncio.Event()

    async def unready(_: Database) -> str:
        nonlocal looks
        looks += 1
        await there.wait()
        return ""

    monkeypatch.setattr("app.http.health.unready", unready)
    async with site.client("") as client:
        asking = [asyncio.create_task(client.get("/readyz")) for _ in range(20)]
        await eventually(lambda: looks == 1)
        asking[0].cancel()  # whoever leaves takes nothing along
        there.set()
        assert [(await each).json() for each in asking[1:]] == [{"status": "ok"}] * 19
        assert looks == 1
        assert (await client.get("/readyz")).status_code == 200
        assert looks == 2


async def test_a_look_follows_the_one_before_after_a_while_and_is_no_older_than_the_question(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks without a pause took what queries needed. Who asks while none is under way isn't answered by what was seen before."""
    began, found = list[float](), "database"

    async def unready(_: Database) -> str:
        began.append(monotonic())
        return found

    monkeypatch.setattr("app.http.health.unready", unready)
    looks = health.Looks(site.database)
    assert [await looks.next() for _ in range(2)] == [("database", {})] * 2
    found = ""
    assert [await looks.next() for _ in range(3)] == [("", {})] * 3
    assert len(began) == 5
    assert min(after - before for before, after in pairwise(began)) > health.LOOK_EVERY - 0.001


async def test_many_answers_come_one_after_the_other_and_a_supervisor_waits_for_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 clients in a loop made another one's small query take 200 ms."""
    now, slept = 100.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(health, "monotonic", lambda: now)
    monkeypatch.setattr(health, "sleep", sleep)
    async with site.client("") as client:
        for _ in range(health.BURST + 3):
            assert (await client.get("/healthz")).status_code == 200
        assert slept == pytest.approx([EVERY, 2 * EVERY, 3 * EVERY])
        for _ in range(1_000):
            await client.get("/healthz")
        assert max(slept) == health.LONGEST
        now += 10
        slept.clear()
        assert (await client.get("/healthz")).status_code == 200
        assert slept == []


async def test_a_server_that_began_to_stop_meanwhile_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, there = asyncio.Event(), asyncio.Event()

    async def unready(_: Database) -> str:
        looking.set()
        await there.wait()
        return ""

    monkeypatch.setattr("app.http.health.unready", unready)
    app = create_app(load(), site.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        asking = asyncio.create_task(client.get("/readyz"))
        await looking.wait()
        app.state.draining = True
        there.set()
        answer = await asking
        assert (answer.status_code, answer.json()["reason"]) == (503, "stopping")


ANYBODY = {
    "HEAD": (b"HEAD {} HTTP/1.1\r\nHost: localhost\r\n\r\n", True),
    "HTTP/1.0": (b"GET {} HTTP/1.0\r\n\r\n", False),
    "HTTP/1.0, HEAD": (b"HEAD {} HTTP/1.0\r\n\r\n", False),
    "HTTP/1.0, kept alive": (b"GET {} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
    "HTTP/1.1 without Host": (b"GET {} HTTP/1.1\r\n\r\n", True),
    "a foreign Host": (b"GET {} HTTP/1.1\r\nHost: lb-7.internal_pool:8000\r\n\r\n", True),
    "an odd Host": (b"GET {} HTTP/1.1\r\nHost: \r\n\r\n", True),
    "an address": (b"GET http://erp.example{} HTTP/1.1\r\nHost: other\r\n\r\n", True),
    "a parameter": (b"GET {}?from=probe HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\n\r\n", True),
}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("caller", ANYBODY)
async def test_h2_health_answers_anybody(site: Site, path: str, caller: str) -> None:
    data, stays = ANYBODY[caller]
    settings = load(allowed_hosts=("erp.example",), environment="production")
    async with serving(create_app(settings, site.database)) as port, Wire(port) as wire:
        wire.send(data.replace(b"{}", path.encode()))
        answer = await wire.answer(with_body=not data.startswith(b"HEAD"))
        said = orjson.dumps({"status": "ok"} | ({"version": __version__} if path == "/healthz" else {}))
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(said)))
        assert answer.body == (b"" if data.startswith(b"HEAD") else said)
        if stays:
            wire.send(data.replace(b"{}", path.encode()))
            assert (await wire.answer(with_body=not data.startswith(b"HEAD"))).status == 200
        else:
            assert answer.headers["connection"] == "close"
            assert await wire.ended()


@pytest.mark.parametrize(
    "target, accept",
    [
        ("/graphql?query=%7Bviewer%7Bprincipal%7D%7D", "application/json"),
        ("/graphql?query=mutation%7Ba%7D", "application/json"),
        ("/graphql?query=%7B", "application/graphql-response+json"),
        ("/graphql", "text/html"),
        ("/graphql", "image/png"),
        ("/graphql/schema.graphql", "*/*"),
        ("/nowhere", "*/*"),
    ],
)
async def test_h2_head_goes_by_the_rules_of_get(site: Site, target: str, accept: str) -> None:
    """The same status and headers, but for what each answer has of its own, and no body."""
    async with site.client() as client:
        get = await client.get(target, headers={"Accept": accept})
        head = await client.head(target, headers={"Accept": accept})
    own = {"x-request-id", "content-length"}  # what it cost stands in the body, and changes its length
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {**get.headers, **dict.fromkeys(own)} == {**head.headers, **dict.fromkeys(own)}


async def test_a_server_stays_ready_when_a_newer_program_has_migrated(fresh: Target, site: Site) -> None:
    """Servers are upgraded one after the other: were the old ones not ready from the migration on, nobody would serve."""
    database = Database(fresh)
    await database.open()
    connection = await asyncpg.connect(fresh.admin)
    async with site.client(key_format.make(new_id()), database) as client:
        for revision, expected in ((migrate.head(), (200, "")), ("9999", (200, "")), ("0011", (503, "migrations"))):
            await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
            assert await ready(client) == expected
    await connection.close()
    await database.close()


async def test_a_database_without_any_table(server: TestServer, site: Site) -> None:
    async with server.fresh("template0") as target:
        database = Database(Target.of(target.admin))
        await database.open()
        async with site.client(key_format.make(new_id()), database) as client:
            assert await ready(client) == (503, "migrations")
            with capture_logs() as logs:
                answer = await client.post("/graphql", json=QUERY)
        await database.close()
    request_id = answer.headers["x-request-id"]
    assert answer.status_code == 500
    assert [error["extensions"] for error in answer.json()["errors"]] == [
        {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    ]
    assert "api_keys" not in answer.text
    assert [(log["event"], log["request_id"]) for log in logs] == [("fault", request_id)]


async def test_a_database_that_takes_no_one_in(server: TestServer, site: Site) -> None:
    async with server.fresh() as target:
        database = Database(target)
        await database.open()
        key = await keys.create(target, await tenants.create(target, "acme", "EUR", "UTC"), "tests")
        name = urlsplit(target.admin).path[1:]
        other = await asyncpg.connect(server.admin_url)
        async with site.client(key, database) as client:
            assert await ready(client) == (200, "")
            await other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            await eventually(lambda: database._reading.pool.get_size() == 0)
            assert await ready(client) == (503, "database")
            await other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert await ready(client) == (200, "")
            assert (await client.post("/graphql", json=QUERY)).status_code == 200
        await other.close()
        await database.close()


async def test_a_server_without_a_free_slot(server: TestServer, site: Site) -> None:
    """As when max_connections is reached: the server is there, and takes no one in."""
    async with server.fresh() as target:
        if target.serving == target.admin:
            pytest.skip("no limit binds the administrator, who logs in here")
        key = await keys.create(target, await tenants.create(target, "acme", "EUR", "UTC"), "tests")
        database = Database(target, size=2)
        await database.open()
        name = urlsplit(target.admin).path[1:]
        other = await asyncpg.connect(server.admin_url)
        await other.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        await other.close()
        async with site.client(key, database) as client, database._reading.acquire():
            assert await ready(client) == (503, "database")
            answer = await client.post("/graphql", json=QUERY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        await database.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a server of the test's own, with a short path: sockets need one."""
    made = Path(tempfile.mkdtemp(prefix="erpgraph-health-"))
    made.chmod(0o755)  # as root, PostgreSQL has an account of its own
    yield made
    shutil.rmtree(made)


def told(lines: list[str]) -> list[str]:
    return [line for line in lines if " database unavailable " in line]


async def test_a_server_that_stops_and_comes_back(folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile the log has a line a second about it, and none of its lines is a traceback."""
    lines: list[str] = []
    monkeypatch.setattr(logs.WRITER, "write", lines.append)
    first = embedded.start(folder)
    await embedded.ensure_database(first)
    target = first.target
    await migrate.upgrade(target)
    key = await keys.create(target, await tenants.create(target, "acme", "EUR", "UTC"), "tests")
    database = Database(target, size=2)
    await database.open()
    async with site.client(key, database, request_log="all") as client:
        assert body(await client.post("/graphql", json=QUERY)) == {"data": {"viewer": {"tenant": {"name": "acme"}}}}
        first.stop()
        lines.clear()
        for number in range(40):
            answer = await client.post("/graphql", json=QUERY if number % 2 else COMMAND)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert [error["extensions"] for error in answer.json()["errors"]] == [{"code": "UNAVAILABLE"}]
            assert "socket" not in answer.text
        assert await ready(client) == (503, "database")
        await eventually(lambda: sum(int(line.partition("requests=")[2].split()[0]) for line in told(lines)) == 40)
        assert lines == told(lines)  # and nothing else, but of the requests there are
        assert len(lines) <= len({line[:19] for line in lines}) + 1
        assert {line for line in lines if "\n" in line or "Traceback" in line} == set()
        again = embedded.start(folder)
        assert again.url() == first.url()
        assert await ready(client) == (200, "")
        assert body(await client.post("/graphql", json=QUERY)) == {"data": {"viewer": {"tenant": {"name": "acme"}}}}
    await database.close()
    again.stop()
