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


class Bouncer:
    """The program with settings of its own, before a server that listens on a socket."""

    def __init__(self, folder: Path, host: str, port: int, user: str, settings: Mapping[str, object]) -> None:
        self._folder = folder
        (folder / "users").write_text(f'"{user}" ""\n')
        ours: Mapping[str, object] = {
            "listen_addr": "",
            "listen_port": PORT,
            "unix_socket_dir": folder,
            "auth_type": "trust",
            "auth_file": folder / "users",
            "max_client_conn": 200,
            "pidfile": folder / "pid",
            **settings,
        }
        lines = [f"{name} = {value}" for name, value in ours.items()]
        databases = f"[databases]\n* = host={host} port={port}\n"
        (folder / "ini").write_text(databases + "[pgbouncer]\n" + "\n".join(lines) + "\n")
        folder.chmod(0o777)
        # It refuses to run as root, and the server's socket lies where only its own account comes in.
        self._account = Path(host).stat().st_uid if os.geteuid() == 0 else None

    def start(self) -> None:
        """Returns when it accepts connections."""
        assert PROGRAM
        with (self._folder / "log").open("ab") as log:
            command = [PROGRAM, str(self._folder / "ini")]
            self._running = subprocess.Popen(command, user=self._account, stderr=log, stdout=log)
        _await(self._folder, self._running)

    def stop(self) -> None:
        self._running.terminate()
        self._running.wait(10)

    def kill(self) -> None:
        """What it leaves behind would keep a next one from starting."""
        self._running.kill()
        self._running.wait(10)
        for left in (self._folder / "pid", self._folder / f".s.PGSQL.{PORT}"):
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def pooled(target: Target, mode: str, size: int = 2, **more: object) -> Iterator[Target]:
    """The same database, served through PgBouncer with so many connections to it. Skips the test where it is missing."""
    if PROGRAM is None:
        pytest.skip("there is no pgbouncer here: apt-get install pgbouncer")
    parts = urlsplit(target.serving)
    asked = parse_qs(parts.query)
    host = asked.get("host", [parts.hostname or ""])[0]
    user = parts.username or "postgres"
    if parts.password or not host.startswith("/"):
        pytest.skip("this PgBouncer logs in by a socket, without a password")
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-bouncer-"))
    port = int(parts.port or asked.get("port", ["5432"])[0])
    bouncer = Bouncer(folder, host, port, user, {"pool_mode": mode, "default_pool_size": size, **more})
    try:
        bouncer.start()
        try:
            yield Target(target.admin, f"postgresql://{user}@{parts.path}?host={quote(str(folder))}&port={PORT}")
        finally:
            bouncer.stop()
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
