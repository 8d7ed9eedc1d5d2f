"""The real PgBouncer (``apt-get install pgbouncer``) before the database of a test."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from db.runtime.engine import Target

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
PORT = 6432


@contextlib.contextmanager
def pooled(target: Target, mode: str, size: int = 2, **more: object) -> Iterator[Target]:
    """The same database, served through PgBouncer with so many connections to it. Skips the test where it is missing."""
    if PROGRAM is None:
        pytest.skip("there is no pgbouncer here: apt-get install pgbouncer")
    parts = urlsplit(target.serving)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    user = parts.username or "postgres"
    if parts.password or not host.startswith("/"):
        pytest.skip("this PgBouncer logs in by a socket, without a password")
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-bouncer-"))
    try:
        (folder / "users").write_text(f'"{user}" ""\n')
        settings: Mapping[str, object] = {
            "listen_addr": "",
            "listen_port": PORT,
            "unix_socket_dir": folder,
            "auth_type": "trust",
            "auth_file": folder / "users",
            "pool_mode": mode,
            "default_pool_size": size,
            "max_client_conn": 200,
            "pidfile": folder / "pid",
            **more,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        databases = (
            f"[databases]\n* = host={host} port={parts.port or parse_qs(parts.query).get('port', ['5432'])[0]}\n"
        )
        (folder / "ini").write_text(databases + "[pgbouncer]\n" + "\n".join(lines) + "\n")
        folder.chmod(0o777)
        # It refuses to run as root, and the server's socket lies where only its own account comes in.
        account = Path(host).stat().st_uid if os.geteuid() == 0 else None
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen([PROGRAM, str(folder / "ini")], user=account, stderr=log, stdout=log)
        try:
            _await(folder, running)
            serving = f"postgresql://{user}@{parts.path}?host={quote(str(folder))}&port={PORT}"
            yield Target(target.admin, serving)
        finally:
            running.terminate()
            running.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _accepts(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trial:
        return trial.connect_ex(str(place)) == 0


def _await(folder: Path, running: "subprocess.Popen[bytes]") -> None:
    until = monotonic() + 20
    while not _accepts(folder / f".s.PGSQL.{PORT}"):
        assert running.poll() is None, (folder / "log").read_text()
        assert monotonic() < until, (folder / "log").read_text()
        sleep(0.01)
