"""What a server listens on, a port apart: a socket in the file system, and sockets that systemd passes. And how several
processes share one.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import pytest

from app.serving.balance import ABSENT, SIZE, Acceptor, Shares
from app.serving.listeners import address, bind, bind_path, listeners
from app.settings import load
from core.errors import BadInput
from db.runtime.engine import Target
from tests.support.command import ROOT, command, ended, environment, one_line
from tests.support.http import eventually

STUB = "tests.support.stub_serve"


@pytest.fixture
def path() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="erp") as folder:
        yield Path(folder) / "socket"


def ask(path: Path) -> object:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=120) as client:
        return client.get("/graphql").json()


# ---------------------------------------------------------------- in the file system


def test_a_socket_is_bound_and_gone_afterwards(path: Path) -> None:
    with listeners(load(uds=str(path))) as [opened]:
        assert address(opened) == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o666
    assert not path.exists()


def test_one_that_nobody_listens_on_is_replaced(path: Path) -> None:
    bind_path(path).close()
    assert path.is_socket()
    again = bind_path(path)
    again.listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    again.close()


def test_one_in_use_is_left_alone(path: Path) -> None:
    with bind_path(path) as first:
        first.listen()
        assert "another program listens on it" in one_line(command("serve", "--uds", str(path)))
        assert path.is_socket()


def test_a_file_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    assert "there is a file of that name" in one_line(command("serve", "--uds", str(path)))
    assert path.read_text() == "mine"


@pytest.mark.parametrize("bad", ["/proc/nowhere/socket", "/proc/" + "x" * 200])
def test_a_path_that_cannot_be_is_told(bad: str) -> None:
    with pytest.raises(BadInput, match="can't be used"):
        bind_path(Path(bad))


# ---------------------------------------------------------------- from systemd


SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""


def as_systemd(listener: socket.socket, target: Target) -> "subprocess.Popen[str]":
    """The server with this socket as its descriptor 3, and told so."""
    program = (sys.executable, "-W", "error", "-m", STUB, "serve", "--port", "1")
    return subprocess.Popen(
        [sys.executable, "-c", SYSTEMD, str(listener.fileno()), *program],
        cwd=ROOT,
        env=environment(DATABASE_URL=target.admin, APP_DATABASE_URL=target.serving, ENVIRONMENT="production"),
        pass_fds=(listener.fileno(),),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_socket_of_systemds_is_served(fresh: Target, path: Path) -> None:
    """Clients that connect before the server is there are served when it is."""
    with bind_path(path) as listener:
        listener.listen()
        process = as_systemd(listener, fresh)
        try:
            answer = ask(path)
        finally:
            process.send_signal(signal.SIGTERM)
            last = ended(process)
        assert answer == {"data": "here"}
        assert (last.code, last.out) == (0, f"graph unix:{path}\n")
        assert path.is_socket()  # it is systemd's


def test_what_was_passed_to_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    monkeypatch.setenv("LISTEN_FDS", "1")
    with listeners(load(port=0)) as [opened]:
        assert opened.getsockname()[1] > 0
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize("count", ["", "x"])
def test_a_wrong_count_is_told(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", count)
    with pytest.raises(BadInput, match="LISTEN_FDS is not usable"), listeners(load(port=0)):
        pass


def test_what_does_not_listen_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as mute:
        monkeypatch.setattr("app.serving.listeners.FIRST_PASSED", mute.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        with pytest.raises(BadInput, match=r"is no socket that listens: use ListenStream="), listeners(load(port=0)):
            pass
        mute.detach()


# ---------------------------------------------------------------- shared


class Connection(asyncio.Protocol):
    """Counts for whoever took it."""

    def __init__(self, mine: "set[Connection]") -> None:
        self.mine = mine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.mine.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.mine.discard(self)


class Sharing:
    """So many acceptors on one socket, and the connections that each has."""

    def __init__(self, count: int, *, missing: int = 0) -> None:
        self.stack = ExitStack()
        self.clients: list[asyncio.StreamWriter] = []
        memory = self.stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        memory.truncate(SIZE * (count + missing))
        self.shares = Shares(memory.fileno(), count + missing)
        self.listener = self.stack.enter_context(bind("127.0.0.1", 0))
        self.listener.listen(100)
        self.taken: list[set[Connection]] = [set() for _ in range(count)]
        self.acceptors = [self.acceptor(number) for number in range(count)]

    def acceptor(self, number: int) -> Acceptor:
        mine = self.taken[number]
        return Acceptor([self.listener.dup()], self.shares, number, lambda: Connection(mine), mine.__len__)

    async def __aenter__(self) -> Self:
        for each in self.acceptors:
            each.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self.acceptors:
            each.stop()
        for connection in [connection for mine in self.taken for connection in mine]:
            connection.transport.close()
        for writer in self.clients:
            writer.close()
        await eventually(lambda: not any(self.taken))
        self.stack.close()

    async def connect(self, count: int) -> None:
        """So many clients at once; returns when all are taken."""
        before = sum(map(len, self.taken))
        made = await asyncio.gather(*(asyncio.open_connection(*self.listener.getsockname()) for _ in range(count)))
        await eventually(lambda: sum(map(len, self.taken)) == before + count)
        self.clients += [writer for _, writer in made]

    @property
    def counts(self) -> list[int]:
        return [*map(len, self.taken)]


async def test_connections_that_come_together_are_shared_evenly() -> None:
    async with Sharing(2) as sharing:
        await sharing.connect(16)
        assert sharing.counts == [8, 8]


async def test_whoever_lost_its_connections_gets_the_next() -> None:
    async with Sharing(2) as sharing:
        await sharing.connect(8)
        for each in [*sharing.taken[0]]:
            each.transport.close()
        await eventually(lambda: sharing.counts == [0, 4])
        sharing.acceptors[0].publish()  # as at each tick of the server
        await sharing.connect(4)
        assert sharing.counts in ([4, 4], [3, 5])  # one may have been left to the other just before


async def test_one_that_hangs_holds_nobody_up() -> None:
    async with Sharing(1, missing=1) as sharing:
        await sharing.connect(4)  # the other one has none, and takes none
        assert sharing.counts == [4]


async def test_one_that_is_not_there_is_not_waited_for() -> None:
    async with Sharing(1, missing=1) as sharing:
        sharing.shares.set(1, ABSENT)
        sharing.acceptors[0]._pause = lambda *_: pytest.fail("it waits")  # type: ignore[method-assign]  # what it does
        await sharing.connect(4)
        assert sharing.counts == [4]


async def test_whoever_stopped_takes_none() -> None:
    async with Sharing(2) as sharing:
        sharing.acceptors[0].stop()
        await sharing.connect(4)
        assert sharing.counts == [0, 4]
