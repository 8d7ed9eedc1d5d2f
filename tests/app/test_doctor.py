"""``erpgraph doctor`` finds what would keep the server from serving, before a start."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import time
from typing import Any

import asyncpg
import pytest

from app.doctor import Finding, examined
from app.serving.listeners import bind, bind_path
from app.settings import load
from db.admin.migrate import LEAKPROOF
from db.runtime.engine import Target
from tests.support.command import command

IN_ORDER = [
    "application",
    "address",
    "version",
    "encoding",
    "clock",
    "extensions",
    "leakproof",
    "backup role",
    "migrations",
    "serving",
    "connections",
]


async def findings(target: Target, **settings: object) -> dict[str, Finding]:
    given = {"database_url": target.admin, "app_database_url": target.serving, "pool_size": 2, "port": 0, **settings}
    return {each.check: each async for each in examined(load(**given))}


async def test_a_good_database_is_well(fresh: Target) -> None:
    found = await findings(fresh)
    assert list(found) == IN_ORDER
    assert {each.status for name, each in found.items() if name != "leakproof"} == {"ok"}


async def test_a_servers_own_login_is_enough(fresh: Target) -> None:
    """As on a site whose server has no administrator's: asking where tenants live once took one."""
    found = await findings(Target.of(fresh.serving))
    assert list(found) == IN_ORDER
    assert {each.status for name, each in found.items() if name != "leakproof"} == {"ok"}


async def marks(connection: Any, _: Target) -> None:
    for function in LEAKPROOF:
        await connection.execute(f"ALTER FUNCTION pg_catalog.{function} NOT LEAKPROOF")


async def unguards(connection: Any, _: Target) -> None:
    await connection.execute("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY")


async def forgets(connection: Any, _: Target) -> None:
    await connection.execute("UPDATE alembic_version SET version_num = '0001'")


async def only_reads(connection: Any, target: Target) -> None:
    name = target.admin.split("/erpgraph")[1].split("?")[0]
    await connection.execute(f"ALTER DATABASE erpgraph{name} SET default_transaction_read_only = on")


FAULTS: dict[str, tuple[Callable[[Any, Target], Awaitable[None]], str, str, str]] = {
    "no marks": (marks, "leakproof", "warn", "10 functions aren't marked leakproof"),
    "no row-level security": (unguards, "serving", "fail", "row-level security isn't in force for orders"),
    "an old revision": (forgets, "migrations", "fail", "The tables are at 0001, this program knows "),
    "read-only": (only_reads, "serving", "fail", "The database is read-only: commands would be refused."),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_found(fresh: Target, name: str) -> None:
    does, check, status, told = FAULTS[name]
    connection = await asyncpg.connect(fresh.admin)
    try:
        before = await findings(fresh)
        await does(connection, fresh)
        found = await findings(fresh)
    finally:
        await connection.close()
    assert (found[check].status, told in found[check].text) == (status, True), found[check]
    assert {each for each in found if found[each] != before[each]} <= {check}


async def test_what_it_says_to_run_marks_all_functions(fresh: Target) -> None:
    connection = await asyncpg.connect(fresh.admin)
    try:
        await marks(connection, fresh)
        advice = (await findings(fresh))["leakproof"].advice
        assert [advice.count(f" pg_catalog.{function} ") for function in LEAKPROOF] == [1] * 10
        assert "\n" not in advice
        await connection.execute(advice.partition("As a superuser, in this database: ")[2])
    finally:
        await connection.close()
    assert (await findings(fresh))["leakproof"].status == "ok"


async def test_clocks_that_are_apart_are_told(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.time", lambda: time() + 90)
    found = (await findings(fresh))["clock"]
    assert (found.status, found.text) == ("warn", "The clocks are 90 s apart.")


NOWHERE = "/nonexistent/documents.json"
JWKS: dict[str, object] = {"token_issuer": "https://id.example", "token_audience": "erp"}

SETTINGS: dict[str, tuple[dict[str, object], str, str, str]] = {
    "documents that aren't there": ({"trusted_documents": NOWHERE}, "application", "fail", NOWHERE),
    "a module without what it builds on": ({"modules": "catalog,sales"}, "application", "fail", "Module sales needs"),
    "tokens of no issuer": ({"token_keys": "https://id.example/jwks"}, "application", "fail", "ERPGRAPH_TOKEN_ISSUER"),
    "an identity provider that is away": (
        {**JWKS, "token_keys": "http://127.0.0.1:1/jwks"},
        "tokens",
        "fail",
        "The keys that tokens are signed with can't be read",
    ),
    "a file without keys": (
        {**JWKS, "token_keys": __file__},
        "tokens",
        "fail",
        "The keys that tokens are signed with can't be read",
    ),
    "an address of another machine": ({"host": "192.0.2.1"}, "address", "fail", "Port 0 of 192.0.2.1 can't be used"),
    "a socket in no folder": ({"uds": "/nonexistent/socket"}, "address", "fail", "The socket /nonexistent/socket"),
    "figures at another machine": (
        {"metrics_port": 9464, "metrics_host": "192.0.2.1"},
        "metrics",
        "fail",
        "Port 9464 of 192.0.2.1 can't be used",
    ),
    "no names in production": ({"environment": "production"}, "hosts", "warn", "No name is allowed"),
    "a standby that is away": (
        {"reading_url": "postgresql://127.0.0.1:1/erp"},
        "standby",
        "warn",
        "The standby can't be read from",
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_settings_that_a_start_would_refuse_are_found(fresh: Target, name: str) -> None:
    given, check, status, told = SETTINGS[name]
    found = await findings(fresh, **given)
    assert (found[check].status, told in found[check].text) == (status, True), found[check]
    # The rest is as it is without them.
    assert {each for each in found if found[each].status != "ok"} - {"leakproof"} == {check}
    assert [each for each in IN_ORDER if each not in found] == []


async def test_a_primary_in_the_standbys_place_is_told(fresh: Target) -> None:
    found = (await findings(fresh, reading_url=fresh.serving))["standby"]
    assert (found.status, "is no standby" in found.text) == ("warn", True)


async def test_a_site_that_is_served_is_well(fresh: Target, tmp_path: Path) -> None:
    """Who asks the doctor before an upgrade has a server that listens; it isn't disturbed."""
    with bind("127.0.0.1", 0) as port, bind_path(tmp_path / "socket") as path:
        port.listen()
        path.listen()
        number = port.getsockname()[1]
        for given in ({"port": number}, {"uds": str(tmp_path / "socket")}):
            found = (await findings(fresh, **given))["address"]
            assert (found.status, found.text) == (
                "ok",
                "A program listens there: a server that runs, or systemd for it.",
            )
    assert (tmp_path / "socket").is_socket()


def test_the_command_says_what_is_wrong_and_exits_with_1(tmp_path: Path) -> None:
    folder = str(tmp_path)
    ended = command("doctor", "--json", LIMIT_COSTS="1", DATA_DIR=folder)
    [finding] = map(json.loads, ended.out.splitlines())
    assert (ended.code, finding["check"], finding["status"]) == (1, "settings", "fail")
    ended = command("doctor", DATABASE_URL="postgresql://127.0.0.1:1/erp", DATA_DIR=folder, PORT="0")
    assert ended.code == 1
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        *(["ok", each] for each in ("settings", "application", "address")),
        ["fail", "database"],
    ]
