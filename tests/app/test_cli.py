"""The commands, on a database of their own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app import __version__
from core import keys
from db.admin import migrate
from db.runtime.engine import Target
from services.platform import tenants
from tests.support.command import Ended, command, ended, one_line, started
from tests.support.postgres import TestServer


@pytest.fixture(scope="module")
async def own(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as target:
        await tenants.create(target, "acme", "EUR")
        yield target


def run(target: Target, *arguments: str) -> Ended:
    return command(*arguments, DATABASE_URL=target.admin)


def counted(target: Target) -> list[Any]:
    async def count() -> list[Any]:
        connection = await asyncpg.connect(target.admin)
        try:
            rows = await connection.fetchrow("SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM api_keys)")
            return list(rows)
        finally:
            await connection.close()

    return asyncio.run(count())


def test_every_command_explains_itself() -> None:
    commands = ["", "serve", "demo", "import", "import orders", "tenant", "tenant create", "tenant list", "key"]
    commands += [
        "key create",
        "key rotate",
        "key list",
        "key revoke",
        "db",
        "db upgrade",
        "db finish",
        "db dump",
        "db restore",
        "db status",
        "db url",
        "schema print",
        "schema deprecations",
    ]
    for name in commands:
        shown = command(*name.split(), "--help")
        assert shown.code == 0
        assert "Usage: " in shown.out
        assert shown.err == ""


def test_it_names_its_version_and_the_changelog_has_it() -> None:
    assert command("--version").out == f"erpgraph {__version__}\n"
    changes = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    assert "\n## [Unreleased]\n" in changes
    assert f"\n## [{__version__}] - " in changes


def test_a_tenant_from_first_to_last(own: Target) -> None:
    made = run(own, "tenant", "create", "Bäckerei Süß", "--currency", "EUR", "--timezone", "Europe/Berlin")
    assert made.code == 0
    listed = run(own, "tenant", "list")
    assert str(UUID(made.out.strip())) in listed.out
    assert [line.split()[:1] for line in listed.out.splitlines()] == [["NAME"], ["Bäckerei"], ["acme"]]

    created = run(own, "key", "create", "--tenant", "Bäckerei Süß", "--name", "shop")
    assert created.code == 0
    key = created.out.removesuffix("\n")
    parsed = keys.parse(key)
    assert parsed
    assert parsed.tenant == UUID(made.out.strip())

    shown = run(own, "key", "list", "--tenant", "Bäckerei Süß")
    assert key not in shown.out
    [_, row] = shown.out.splitlines()
    *told, _, _, _, runs, identifier = row.split()
    assert (told, runs) == (["shop", f"…{key[-4:]}", "active", "viewer", "-"], "any")

    assert (run(own, "key", "revoke", "--tenant", "Bäckerei Süß", identifier)).code == 0
    assert " revoked " in (run(own, "key", "list", "--tenant", "Bäckerei Süß")).out
    again = run(own, "key", "revoke", "--tenant", "Bäckerei Süß", identifier)
    assert "no such key" in one_line(again)


@pytest.mark.parametrize(
    "arguments,says",
    [
        ("tenant create acme --currency EUR", "There is a tenant named 'acme' already."),
        ("tenant create new --currency BGN", "BGN has ended: give the currency that took its place."),
        ("tenant create new --currency EURO", "'EURO' is not a currency: give an ISO 4217 code such as EUR."),
        ("tenant create new --currency EUR --timezone Nowhere", "'Nowhere' is not a time zone"),
        ("key create --tenant nobody", "There is no tenant named 'nobody'."),
        ("key list --tenant nobody", "There is no tenant named 'nobody'."),
        ("key revoke --tenant acme 019ab0c1-0000-7000-8000-000000000001", "no such key"),
        ("import orders /nonexistent.csv --tenant nobody --mapping /nonexistent.toml", "nonexistent"),
    ],
)
def test_what_is_refused_is_told_in_one_line_and_changes_nothing(own: Target, arguments: str, says: str) -> None:
    before = counted(own)
    assert says in one_line(run(own, *arguments.split()))
    assert counted(own) == before


@pytest.mark.parametrize(
    "arguments", ["tenant create new", "key revoke --tenant acme notauuid", "demo --size huge", "nothing", "import", ""]
)
def test_a_wrong_call_is_exit_code_2(own: Target, arguments: str) -> None:
    before = counted(own)
    refused = run(own, *arguments.split())
    assert refused.code == 2
    assert "Traceback" not in refused.err
    assert counted(own) == before


@pytest.fixture
async def empty(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh("template0") as target:
        yield target


def test_an_empty_database_is_migrated_by_the_command_for_it(empty: Target) -> None:
    assert run(empty, "db", "status") == (1, f"empty (newest: {migrate.head()})\n", "")
    for name in ("tenant list", "demo", "key list --tenant x"):
        assert "Run 'erpgraph db upgrade' first" in one_line(run(empty, *name.split()))
    at_once = [started("db", "upgrade", DATABASE_URL=empty.admin) for _ in range(3)]
    assert {(one.code, one.out) for one in map(ended, at_once)} == {(0, "")}
    assert run(empty, "db", "status") == (0, f"{migrate.head()} (current)\n", "")
    assert run(empty, "db", "url") == (0, f"{empty.admin}\n", "")


def test_demo_data_load_once(fresh: Target) -> None:
    first = run(fresh, "demo", "--size", "small")
    assert first.code == 0
    assert "Loaded larkspur and stonebridge: " in first.err
    assert "300 orders" in first.err
    before = counted(fresh)
    assert before == [2, 0]
    assert "are there already" in one_line(run(fresh, "demo"))
    assert counted(fresh) == before


@pytest.mark.parametrize(
    "url,says",
    [
        ("postgresql://someone:secret@127.0.0.1:1/erp", "(postgresql://127.0.0.1:1/erp) can't be reached: "),
        ("postgresql:///erp?host=/nonexistent", "(postgresql:///erp) can't be reached: "),
        ("mysql://someone:secret@127.0.0.1/erp", "can't be reached: invalid DSN"),
        ("nonsense", "can't be reached: invalid DSN"),
    ],
)
def test_a_database_out_of_reach_is_told_without_its_password(url: str, says: str) -> None:
    line = one_line(command("tenant", "list", DATABASE_URL=url))
    assert says in line
    assert "secret" not in line


def test_a_login_that_may_not_is_sent_to_the_administrators(own: Target) -> None:
    """The settings of the server were in the shell: it was "permission denied to set role" alone."""
    said = one_line(command("tenant", "create", "acme", "--currency", "EUR", DATABASE_URL=own.serving))
    assert said == (
        'The login of ERPGRAPH_DATABASE_URL may not do this: permission denied to set role "erpgraph_owner". '
        "Give the administrator's URL, as 'erpgraph db upgrade' needs it."
    )


def test_the_serving_login_is_tried_too(own: Target) -> None:
    refused = command("db", "status", DATABASE_URL=own.admin, APP_DATABASE_URL="postgresql://127.0.0.1:1/erp")
    assert "ERPGRAPH_APP_DATABASE_URL (postgresql://127.0.0.1:1/erp) can't be reached" in one_line(refused)


@pytest.mark.parametrize(
    "name,value",
    [("PORT", "http"), ("PORT", "70000"), ("EXECUTOR", "quick"), ("ENVIRONMENT", "test"), ("POOL_SIZE", "0")],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    assert f"ERPGRAPH_{name} is not usable" in one_line(command("db", "status", **{name: value}))


def test_the_schema_is_that_of_the_modules() -> None:
    whole = command("schema", "print")
    part = command("schema", "print", MODULES="catalog, partners,inventory")
    assert (whole.code, whole.err, part.code, part.err) == (0, "", 0, "")
    assert "type Order " in whole.out
    assert "type Order " not in part.out
    assert "type Product " in part.out
    assert "There is no module sells" in one_line(command("schema", "print", MODULES="catalog,sells"))
