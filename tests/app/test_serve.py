"""The server's life: started, used by commands beside it, ended in every way, started again."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app import __version__
from core import keys
from db.runtime import lease
from db.runtime.engine import Target
from tests.support.command import Ended, command, ended, first_lines, one_line, started
from tests.support.folders import open_to_all
from tests.support.postgres import TestServer

STUB = "tests.support.stub_serve"


class Served:
    """A server that has told its lines."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self.process = started("serve", "--port", "0", *arguments, module=STUB, **settings)
        assert self.process.stdout
        self.lines = [line.split(" ") for line in first_lines(self.process, 4)]
        assert self.lines[0][0] == "graph", self.process.communicate()
        self.url = self.lines[0][1]

    def get(self, path: str = "/graphql") -> Any:
        with urllib.request.urlopen(self.url.removesuffix("/graphql") + path, timeout=10) as answer:  # noqa: S310 - our own server's address
            return json.load(answer)

    def end(self, number: int) -> Ended:
        self.process.send_signal(number)
        return ended(self.process)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests here use one after the other."""
    made = tmp_path_factory.mktemp("serve")
    open_to_all(made)
    return made / ".data"


def postgres_of(folder: Path) -> int | None:
    """The pid of the folder's PostgreSQL, if it runs."""
    try:
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def test_a_whole_day(folder: Path) -> None:
    served = Served(DATA_DIR=str(folder))
    graph, explorer, first, second = served.lines
    assert graph == ["graph", served.url]
    assert explorer == ["explorer", served.url]
    assert [line[:2] for line in (first, second)] == [["key", "larkspur"], ["key", "stonebridge"]]
    assert all(keys.parse(line[2]) for line in (first, second))
    assert served.get() == {"data": "here"}

    # Commands work on the same database, and leave the server alone.
    running = postgres_of(folder)
    listed = ended(started("key", "list", "--tenant", "larkspur", DATA_DIR=str(folder)))
    assert [line.split()[:3] for line in listed.out.splitlines()[1:]] == [["serve", f"…{first[2][-4:]}", "active"]]
    assert postgres_of(folder) == running is not None
    assert served.get() == {"data": "here"}

    # A request in flight ends before the server does, and PostgreSQL after both.
    answers: list[Any] = []
    slow = threading.Thread(target=lambda: answers.append(served.get("/slow")))
    slow.start()
    while "slow: begun" not in (told := served.process.stderr.readline() if served.process.stderr else ""):
        assert told
    last = served.end(signal.SIGTERM)
    slow.join()
    assert answers == [{"data": "late"}]
    assert (last.code, last.out) == (0, "")
    assert "Traceback" not in last.err
    assert last.err.endswith("Stopped serving\n")
    assert postgres_of(folder) is None


def test_a_log_of_json_has_nothing_else_in_it(folder: Path) -> None:
    """Lines for a person stood between the objects, and ended whatever read them one by one."""
    served = Served(DATA_DIR=str(folder), LOG_FORMAT="json")
    last = served.end(signal.SIGTERM)
    assert last.code == 0
    events = [json.loads(line)["event"] for line in last.err.splitlines()]
    assert (events[0], events[-1]) == ("starting", "stopped")


def test_it_starts_after_a_kill_with_the_same_data(folder: Path) -> None:
    killed = Served(DATA_DIR=str(folder))
    assert killed.end(signal.SIGKILL).code == -signal.SIGKILL
    left = postgres_of(folder)
    assert left

    again = Served(DATA_DIR=str(folder))
    assert postgres_of(folder) == left
    assert again.get() == {"data": "here"}
    os.kill(left, signal.SIGKILL)
    assert again.end(signal.SIGKILL).code == -signal.SIGKILL

    third = Served(DATA_DIR=str(folder))
    assert third.get() == {"data": "here"}
    listed = command("key", "list", "--tenant", "larkspur", DATA_DIR=str(folder))
    assert len(listed.out.splitlines()) == 2  # the header, and one key of the last start
    assert third.end(signal.SIGINT).code == 0
    assert postgres_of(folder) is None


def test_the_keys_are_the_same_from_start_to_start_and_for_each_process(folder: Path) -> None:
    """A second server on the same data made the first one's keys invalid."""
    first = Served(DATA_DIR=str(folder))
    second = Served(DATA_DIR=str(folder))
    shown = first.lines[2:]
    assert second.lines[2:] == shown
    listed = ended(started("key", "list", "--tenant", "larkspur", DATA_DIR=str(folder)))
    [row] = [line.split() for line in listed.out.splitlines()[1:]]
    assert row[:3] == ["serve", f"…{shown[0][2][-4:]}", "active"]
    assert second.end(signal.SIGTERM).code == 0
    assert first.end(signal.SIGTERM).code == 0


def test_a_command_that_is_alone_stops_what_it_started(folder: Path) -> None:
    assert command("db", "status", DATA_DIR=str(folder)).code == 0
    assert postgres_of(folder) is None


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_told_before_any_work(taken: int, tmp_path: Path) -> None:
    refused = command("serve", "--port", str(taken), DATA_DIR=str(tmp_path / "data"))
    assert one_line(refused).startswith(
        f"Port {taken} of 127.0.0.1 can't be used (Address already in use). Choose another: ERPGRAPH_PORT="
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("sign", ["@", "#", "/"])
def test_a_password_that_is_not_encoded_is_told_and_not_shown(sign: str) -> None:
    """It was "Name or service not known", and could have been a part of the password."""
    url = f"postgresql://erp:se{sign}cret@127.0.0.1:1/erp"
    told = one_line(command("db", "status", DATABASE_URL=url))
    assert told == (
        "The database of ERPGRAPH_DATABASE_URL can't be reached: "
        "in a URL the characters @, # and / of a password are written %40, %23 and %2F."
    )


def test_an_address_that_is_not_ours_is_told() -> None:
    told = one_line(command("serve", "--host", "192.0.2.1", "--port", "8000"))
    assert told == (
        "Port 8000 of 192.0.2.1 can't be used (Cannot assign requested address). "
        "ERPGRAPH_HOST must be an address of this machine."
    )


def fails(**settings: str) -> str:
    """The one line that a start failed with, after those that tell its steps."""
    failed = command("serve", "--port", "0", **settings)
    assert (failed.code, failed.out) == (1, "")
    first, *steps, said = failed.err.splitlines()
    assert f"version={__version__}" in first
    assert all(step in {"Starting PostgreSQL", "Connecting to PostgreSQL", "Migrating"} for step in steps)
    return said


def test_a_start_that_cannot_be_is_told_in_one_line(folder: Path) -> None:
    assert "The data folder /proc/nowhere can't be used" in fails(DATA_DIR="/proc/nowhere")
    assert "ERPGRAPH_DATABASE_URL (postgresql://127.0.0.1:1/erp) can't be reached" in fails(
        DATABASE_URL="postgresql://127.0.0.1:1/erp"
    )
    assert "There is no module nothing" in one_line(command("serve", DATA_DIR=str(folder), MODULES="nothing"))
    version = folder / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("12\n")
    try:
        assert "is of PostgreSQL 12" in fails(DATA_DIR=str(folder))
    finally:
        version.write_text(ours)
    assert postgres_of(folder) is None


@pytest.fixture
async def empty(server: TestServer) -> Any:
    async with server.fresh("template0") as target:
        yield target


def keeps_up(target: Target) -> bool:
    """Whether a process does the database's upkeep."""
    return asyncio.run(_kept_up(target))


async def _kept_up(target: Target) -> bool:
    connection = await asyncpg.connect(target.admin)
    try:
        held: int = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            lease.CLASS,
            lease.UPKEEP,
        )
        return held == 1
    finally:
        await connection.close()


def test_a_server_of_ones_own(empty: Target, tmp_path: Path) -> None:
    assert "Run 'erpgraph db upgrade' first" in fails(DATABASE_URL=empty.admin, ENVIRONMENT="production")
    served = Served(DATABASE_URL=empty.admin, APP_DATABASE_URL=empty.serving, DATA_DIR=str(tmp_path / "data"))
    assert [line[0] for line in served.lines] == ["graph", "explorer", "key", "key"]
    assert served.get() == {"data": "here"}
    patience = time.monotonic() + 30
    while not keeps_up(empty):  # nobody starts a worker in development
        assert time.monotonic() < patience
    # Nothing keeps the keys of a database of one's own: each start has others, which last a day.
    other = Served(DATABASE_URL=empty.admin, APP_DATABASE_URL=empty.serving, DATA_DIR=str(tmp_path / "data"))
    assert other.lines[2][2] != served.lines[2][2]
    listed = ended(started("key", "list", "--tenant", "larkspur", DATABASE_URL=empty.admin)).out.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        ["serve", f"…{each.lines[2][2][-4:]}", "active"] for each in (served, other)
    ]
    tomorrow = {f"{datetime.now(UTC) + timedelta(days=1, minutes=late):%Y-%m-%dT%H:%M}" for late in range(-3, 1)}
    assert {line.split()[6] for line in listed[1:]} <= tomorrow
    assert other.end(signal.SIGTERM).code == 0
    assert served.end(signal.SIGTERM).code == 0
    assert not keeps_up(empty)
    assert not (tmp_path / "data").exists()


def test_production_tells_no_keys_and_leaves_the_upkeep_to_workers(fresh: Target) -> None:
    process = started("serve", "--port", "0", module=STUB, DATABASE_URL=fresh.admin, ENVIRONMENT="production")
    assert process.stdout
    assert [line.split(" ")[0] for line in first_lines(process, 2)] == ["graph", "explorer"]
    assert not keeps_up(fresh)
    process.terminate()
    assert ended(process)[:2] == (0, "")
    assert command("tenant", "list", DATABASE_URL=fresh.admin).out.splitlines()[1:] == []


def test_a_signal_during_the_start_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    open_to_all(tmp_path)
    process: subprocess.Popen[str] = started("serve", "--port", "0", module=STUB, DATA_DIR=str(folder))
    assert process.stderr
    first = process.stderr.readline()
    assert "starting" in first
    assert f"version={__version__}" in first
    assert process.stderr.readline() == "Starting PostgreSQL\n"
    process.terminate()
    stopped = ended(process)
    assert (stopped.code, stopped.out) == (143, "")
    assert "Traceback" not in stopped.err
    assert postgres_of(folder) is None
