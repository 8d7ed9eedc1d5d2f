"""Attack 9: a database that is there and not as it should be: a standby, one that only reads, one without room, a role
with too many rights. Reading goes on where it can, commands say that nothing was done, readiness tells.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from app.asgi import create_app
from app.settings import load
from db.admin import embedded, migrate
from db.runtime.engine import Database, Target
from services.platform import keys, tenants
from tests.support.patience import PATIENCE

QUERY = {"query": "{ viewer { tenant { name } } partners(first: 5) { nodes { code } } }"}
COMMAND = {
    "query": """mutation { partnerUpsert(input: {code: "new", name: "new", kinds: [CUSTOMER]}) {
        partner { code } userErrors { message } } }"""
}
LOGGED = ("database unavailable", "use of a key not noted", "budget not given back")
"""The last one may come from an application of a test before."""


@dataclass
class Own:
    """A server of the tests' own, which may be broken and mended."""

    folder: Path
    server: embedded.Server
    key: str

    @property
    def target(self) -> Target:
        return self.server.target


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short path: sockets need one."""
    made = Path(tempfile.mkdtemp(prefix="erpgraph-unfit-"))
    made.chmod(0o755)  # as root, PostgreSQL has an account of its own
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
async def own(folder: Path) -> AsyncIterator[Own]:
    server = embedded.start(folder)
    await embedded.ensure_database(server)
    await migrate.upgrade(server.target)
    tenant = await tenants.create(server.target, "acme", "EUR")
    key = await keys.create(server.target, tenant, "tests")
    made = Own(folder, server, key)
    yield made
    made.server.stop()


@contextlib.asynccontextmanager
async def client_of(own: Own) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose key of few points needs a lease for each request."""
    database = Database(own.target, size=2)
    await database.open()
    transport = httpx.ASGITransport(create_app(load(budget=1_000_000, budget_rate=1_000_000), database))
    headers = {"Authorization": f"Bearer {own.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client
    await database.close()


async def reason(client: httpx.AsyncClient) -> str:
    answer = await client.get("/readyz")
    assert (await client.get("/healthz")).status_code == 200
    assert answer.status_code == (503 if "reason" in answer.json() else 200)
    return str(answer.json().get("reason", ""))


async def becomes(client: httpx.AsyncClient, expected: str) -> None:
    """Ready or not for this reason, as soon as the connections that died and the settings read anew are noticed."""
    async with asyncio.timeout(PATIENCE):
        while await reason(client) != expected:  # noqa: ASYNC110 - what it is about has no event to wait for
            await asyncio.sleep(0.01)


async def reads(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=QUERY)
    assert (answer.status_code, answer.json().get("errors")) == (200, None), answer.text
    assert answer.json()["data"]["viewer"] == {"tenant": {"name": "acme"}}


async def refuses(client: httpx.AsyncClient, own: Own) -> None:
    """A command says that nothing was done, and nothing was."""
    with capture_logs() as logs:
        answers = [await client.post("/graphql", json=COMMAND) for _ in range(5)]
    for answer in answers:
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2"), answer.text
        [error] = answer.json()["errors"]
        assert error["extensions"] == {"code": "UNAVAILABLE"}
        assert "Nothing was done" in error["message"]
    assert {log["event"] for log in logs} <= {*LOGGED}
    assert len([log for log in logs if log["event"] == LOGGED[0]]) < len(answers)
    async with asked(own) as admin:
        assert await admin.fetchval("SELECT count(*) FROM partners WHERE code = 'new'") == 0


async def writes(client: httpx.AsyncClient, own: Own) -> None:
    answer = await client.post("/graphql", json=COMMAND)
    assert answer.json()["data"] == {"partnerUpsert": {"partner": {"code": "new"}, "userErrors": []}}
    async with asked(own) as admin:
        await admin.execute("DELETE FROM events")
        await admin.execute("DELETE FROM partners WHERE code = 'new'")


@contextlib.asynccontextmanager
async def asked(own: Own) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(own.target.admin)
    yield connection
    await connection.close()


async def set_to(own: Own, *statements: str) -> None:
    async with asked(own) as admin:
        for statement in statements:
            await admin.execute(statement)
        await admin.execute("SELECT pg_reload_conf()")


async def test_attack_9_a_hot_standby(own: Own) -> None:
    async with client_of(own) as client:
        await reads(client)
        assert await reason(client) == ""
        own.server.stop()
        signal = own.server.data / "standby.signal"
        signal.touch()
        os.chown(signal, own.server.data.stat().st_uid, own.server.data.stat().st_gid)
        own.server = embedded.start(own.folder)
        await becomes(client, "standby")
        for _ in range(5):
            await reads(client)
        await refuses(client, own)
        async with asked(own) as admin:
            assert await admin.fetchval("SELECT pg_promote()")
        await becomes(client, "")
        await writes(client, own)
        await reads(client)


async def test_attack_9_a_database_that_only_reads(own: Own) -> None:
    """As managed services make one whose disk is full."""
    async with client_of(own) as client:
        await reads(client)
        await set_to(own, "ALTER SYSTEM SET default_transaction_read_only = on")
        await becomes(client, "read-only")
        for _ in range(5):
            await reads(client)
        await refuses(client, own)
        await set_to(own, "ALTER SYSTEM RESET default_transaction_read_only")
        await becomes(client, "")
        await writes(client, own)


@pytest.mark.parametrize("right", ["SUPERUSER", "BYPASSRLS"])
async def test_attack_11_a_role_with_too_many_rights(own: Own, right: str) -> None:
    async with client_of(own) as client:
        await reads(client)
        await set_to(own, f"ALTER ROLE erpgraph_app {right}")
        try:
            assert await reason(client) == "session"
            # Whoever connects anew isn't served at all.
            async with asked(own) as admin:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'erpgraph'"
                )
            with capture_logs() as logs:
                answers = [await client.post("/graphql", json=QUERY) for _ in range(3)]
            assert {answer.status_code for answer in answers} == {503}
            assert right not in answers[0].text
            assert {log["event"] for log in logs} <= {*LOGGED}
        finally:
            await set_to(own, f"ALTER ROLE erpgraph_app NO{right}")
        await becomes(client, "")
        await reads(client)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is soon full")
async def test_attack_9_a_full_disk(own: Own) -> None:
    disk = own.folder / "disk"
    disk.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        account = own.server.data.stat()
        os.chown(disk, account.st_uid, account.st_gid)
        await set_to(own, f"CREATE TABLESPACE small LOCATION '{disk}'", "ALTER TABLE partners SET TABLESPACE small")
        async with client_of(own) as client:
            await reads(client)
            await set_to(own, "VACUUM FULL partners")  # no page of it has room
            filler = next(iter(disk.glob("PG_*"))) / "filler"
            filler.write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
            assert os.statvfs(disk).f_bavail == 0
            await refuses(client, own)
            await reads(client)
            filler.unlink()
            await writes(client, own)
        await set_to(own, "ALTER TABLE partners SET TABLESPACE pg_default", "DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
