"""Tenants in several databases: served where they live, moved under load, and by commands (issue 14, point 8)."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest

from app.asgi import create_app
from app.database import serving_database
from app.databases import others
from app.settings import Settings, load
from core.errors import BadInput, Unavailable
from db.runtime.engine import Database, Target
from db.runtime.spread import Spread
from services.platform import keys, tenants
from services.platform.transfer.erase import erase
from services.platform.transfer.move import Move
from tests.support import estate, locks, oddments
from tests.support.command import Ended, command, ended, one_line, started
from tests.support.http import eventually
from tests.support.postgres import TestServer

UPSERT = """mutation ($code: String!, $key: String!) {
    partnerUpsert(input: {code: $code, name: $code, idempotencyKey: $key}) { partner { code } userErrors { message } } }"""
CODES = "{ partners(first: 250) { nodes { code } } }"


class Deployment:
    """Two databases, and the file that names the second."""

    def __init__(self, main: Target, emea: Target, file: Path) -> None:
        self.main, self.emea, self.file = main, emea, file
        file.write_text(f'[emea]\nurl = "{emea.admin}"\napp_url = "{emea.serving}"\n')

    @property
    def targets(self) -> dict[str, Target]:
        return {"main": self.main, "emea": self.emea}

    def settings(self) -> Settings:
        return load(database_url=self.main.admin, app_database_url=self.main.serving, databases=str(self.file))

    def command(self, *arguments: str) -> Ended:
        return command(*arguments, DATABASE_URL=self.main.admin, DATABASES=str(self.file))

    async def serving(self) -> Spread:
        database = serving_database(self.settings(), self.main)
        await database.open()
        assert isinstance(database, Spread)
        return database

    def client(self, database: Database, key: str = "") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(create_app(self.settings(), database))
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.fixture
async def deployment(server: TestServer, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with server.fresh() as main, server.fresh() as emea:
        yield Deployment(main, emea, tmp_path / "databases.toml")


class Load:
    """Clients that write and read without a pause. What was acknowledged must be in each answer that was asked for later."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.acknowledged: list[str] = []
        self.frozen = self.reads = 0
        self.stopped = False

    async def write(self, name: str) -> None:
        number = 0
        while not self.stopped:
            code = f"{name}{number}"
            sent = {"query": UPSERT, "variables": {"code": code, "key": code}}
            answer = await self.client.post("/graphql", json=sent)
            body = answer.json()
            if answer.status_code == 503:
                assert [error["extensions"]["code"] for error in body["errors"]] == ["TENANT_FROZEN"]
                assert int(answer.headers["retry-after"]) > 0
                self.frozen += 1
                await asyncio.sleep(0)
                continue
            assert body["data"] == {"partnerUpsert": {"partner": {"code": code}, "userErrors": []}}, body
            self.acknowledged.append(code)
            number += 1
            await asyncio.sleep(0.02)

    async def read(self) -> None:
        while not self.stopped:
            before = {*self.acknowledged}
            answer = await self.client.post("/graphql", json={"query": CODES})
            assert answer.status_code == 200, answer.text
            found = {node["code"] for node in answer.json()["data"]["partners"]["nodes"]}
            assert before <= found
            self.reads += 1


async def test_requests_before_during_and_after_a_move(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost or doubled, no read fails or is older than what was acknowledged, and writes hear when to try again."""
    tenant = await tenants.create(deployment.main, "moves", "EUR")
    key = await keys.create(deployment.main, tenant, "clerk", roles=["admin"])
    database = await deployment.serving()
    async with deployment.client(database, key) as client:
        load_ = Load(client)
        running = [asyncio.create_task(work) for work in (load_.write("A"), load_.write("B"), load_.read())]
        _wait_for_the_process(monkeypatch, database, tenant, load_)
        await eventually(lambda: len(load_.acknowledged) >= 4)
        for to in ("emea", "main"):
            before = len(load_.acknowledged)
            await Move(deployment.targets, "main", tenant, to, grace=0, settled=0).run()
            await eventually(lambda before=before: len(load_.acknowledged) >= before + 4)  # type: ignore[misc]  # mypy takes a default for an argument
            assert load_.frozen > 0
            acknowledged = len(load_.acknowledged)
            assert len((await estate.rows(deployment.targets[to], tenant))["partners"]) >= acknowledged
        load_.stopped = True
        await asyncio.gather(*running)
    rows = await estate.rows(deployment.main, tenant)
    assert len(rows["partners"]) == len(load_.acknowledged) == len(rows["idempotency_keys"])
    assert len(rows["events"]) == len(load_.acknowledged)
    assert {*map(len, (await estate.rows(deployment.emea, tenant)).values())} == {0}
    await database.close()


def _wait_for_the_process(monkeypatch: pytest.MonkeyPatch, database: Spread, tenant: UUID, clients: Load) -> None:
    """In place of seconds: the process has seen the switch, and those have ended who read the old copy."""
    switch, clear = Move._switch, Move._clear

    async def switched(self: Move) -> None:
        await switch(self)
        await eventually(lambda: database.places.get(tenant, "main") == self.to)

    async def cleared(self: Move) -> None:
        before = clients.reads
        await eventually(lambda: clients.reads >= before + 2)
        await clear(self)

    monkeypatch.setattr(Move, "_switch", switched)
    monkeypatch.setattr(Move, "_clear", cleared)


async def test_each_is_served_where_it_lives_and_others_do_not_notice_what_is_away(deployment: Deployment) -> None:
    here, there = [await tenants.create(deployment.main, name, "EUR") for name in ("here", "there")]
    ours, theirs = [await keys.create(deployment.main, tenant, "clerk") for tenant in (here, there)]
    await Move(deployment.targets, "main", there, "emea", grace=0, settled=0).run()
    database = await deployment.serving()
    async with deployment.client(database, theirs) as client:
        assert (await client.post("/graphql", json={"query": CODES})).json()["data"] == {"partners": {"nodes": []}}
        assert (await client.get("/readyz")).json() == {"status": "ok", "databases": {"emea": "ok"}}
        assert {"reading", "emea reading", "emea writing", "emea aside"} <= database.pools().keys()
        async with database.transaction(there) as writer:
            await writer.rows("UPDATE partners SET name = 'x' WHERE tenant_id = $1")
    await database.close()

    deployment.file.write_text('[emea]\nurl = "postgresql://postgres@127.0.0.1:1/nothing"\n')
    database = await deployment.serving()
    async with deployment.client(database, ours) as client:
        assert (await client.post("/graphql", json={"query": CODES})).json()["data"] == {"partners": {"nodes": []}}
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["databases"]) == (200, {"emea": "database"})
        answer = await client.post("/graphql", json={"query": CODES}, headers={"Authorization": f"Bearer {theirs}"})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    with pytest.raises(Unavailable):
        database.transaction(there)
    await database.close()


async def test_a_standby_is_read_from_when_it_has_what_came_home(deployment: Deployment) -> None:
    """It may be seconds behind, and would know nothing of the tenant, or what it was before it went."""
    tenant = await tenants.create(deployment.main, "returns", "EUR")
    await Move(deployment.targets, "main", tenant, "emea", grace=0, settled=0).run()
    database = await deployment.serving()
    asked: list[int] = []

    class Behind:
        connections = object()
        close = AsyncMock()

        def serves(self, after: int) -> bool:
            asked.append(after)
            return False

    database.standby = Behind()  # type: ignore[assignment]  # as much of one as is asked
    before = await database.written()
    await Move(deployment.targets, "main", tenant, "main", grace=0, settled=0).run()
    await eventually(lambda: tenant not in database.places)
    for after in (1, 1 << 60):
        database.query_reader(tenant, after=after)
    assert before < asked[0] == database.moved < asked[1] == 1 << 60
    database.standby = None
    await database.close()


async def test_a_process_with_one_database_asks_for_no_places(deployment: Deployment) -> None:
    assert type(serving_database(load(database_url=deployment.main.admin), deployment.main)) is Database


def test_killed_in_the_middle_and_run_again_and_all_the_commands(deployment: Deployment) -> None:
    tenant = asyncio.run(oddments.load(deployment.main, "moves")).tenant
    before = asyncio.run(estate.rows(deployment.main, tenant)) | estate.STAY

    async def kill() -> None:
        async with locks.locked(deployment.emea, "line_items") as connection:
            arguments = ("tenant", "move", "moves", "emea", "--grace", "0")
            process = started(*arguments, DATABASE_URL=deployment.main.admin, DATABASES=str(deployment.file))
            await locks.waiting(connection, table="line_items")
            process.kill()
            assert ended(process).code == -signal.SIGKILL

    asyncio.run(kill())
    assert "frozen" in deployment.command("tenant", "list").out
    done = deployment.command("tenant", "move", "moves", "emea", "--grace", "0")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("moves lives in emea: ")
    assert asyncio.run(estate.rows(deployment.emea, tenant)) == before
    _commands(deployment)
    _erase_in_two_attempts(deployment, tenant)


def _commands(deployment: Deployment) -> None:
    """Each goes to where the tenant is."""

    def run(*arguments: str) -> Ended:
        return deployment.command(*arguments)

    assert "in emea" in run("tenant", "list").out
    assert run("key", "create", "--tenant", "moves", "--name", "there").code == 0
    assert "there" in run("key", "list", "--tenant", "moves").out
    assert run("db", "status").out.count("(current)") == 2
    assert run("db", "upgrade").err.count("is at ") == 2
    assert run("db", "sweep").code == 0
    assert run("stock", "verify").err.startswith("moves: ")  # once, where it lives
    assert run("stock", "verify", "--tenant", "moves").err.startswith("moves: ")
    findings = [json.loads(line) for line in run("doctor", "--json").out.splitlines()]
    assert {"emea migrations", "emea serving"} <= {each["check"] for each in findings}
    assert run("tenant", "freeze", "moves").code == run("tenant", "unfreeze", "moves").code == 0
    assert "no database 'apac'" in one_line(run("tenant", "move", "moves", "apac"))
    alone = command("key", "list", "--tenant", "moves", DATABASE_URL=deployment.main.admin)
    assert "no database 'emea'" in one_line(alone)
    findings = [
        json.loads(line) for line in command("doctor", "--json", DATABASE_URL=deployment.main.admin).out.splitlines()
    ]
    assert [each["text"] for each in findings if each["check"] == "emea"] == ["Tenants live in emea."]


def _erase_in_two_attempts(deployment: Deployment, tenant: UUID) -> None:
    """The first of which was killed when the rows were gone, and the row that says where they were wasn't."""
    asyncio.run(erase(deployment.emea, tenant))
    assert deployment.command("tenant", "erase", "moves", "--yes").code == 0
    assert "moves" not in deployment.command("tenant", "list").out


@pytest.mark.parametrize(
    "text,says",
    [
        ("[emea", "is no TOML"),
        ("emea = 1", "isn't usable"),
        ("[emea]\nURL = 'x'", "isn't usable"),
        ("[emea]\nurl = ''", "isn't usable"),
        ("['a b']\nurl = 'x'", "isn't usable"),
        ("[main]\nurl = 'x'", "another name"),
        (None, "can't be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "x").write_text(text)
    with pytest.raises(BadInput, match=says):
        others(load(databases=str(tmp_path / "x")))
