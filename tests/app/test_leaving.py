"""A server that is told to stop under load: whoever watches its readiness goes elsewhere in time (docs/security.md, case 42)."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.command import ended, first_lines, started
from tests.support.folders import open_to_all

Serving = tuple["subprocess.Popen[str]", str, str]

CLIENTS = 8
QUERY = json.dumps({"query": "{ orders(first: 20) { nodes { number lineItems { nodes { quantity } } } } }"})


@dataclass
class Client:
    """One kept-alive connection that asks on and on, and leaves when it is asked to."""

    address: str
    key: str
    answers: list[int] = field(default_factory=list)
    asked_to_leave: bool = False
    failure: Exception | None = None

    def run(self) -> None:
        connection = HTTPConnection(self.address, timeout=10)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            while not self.asked_to_leave:
                connection.request("POST", "/graphql", QUERY, headers)
                answer = connection.getresponse()
                assert json.load(answer)["data"]["orders"]["nodes"]
                self.answers.append(answer.status)
                self.asked_to_leave = answer.getheader("connection") == "close"
        except Exception as error:  # noqa: BLE001 - told by the test
            self.failure = error
        finally:
            connection.close()


def ready(address: str) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demo, once it was served."""
    made = tmp_path_factory.mktemp("leaving")
    open_to_all(made)
    return made / ".data"


@pytest.fixture
def serving(folder: Path) -> Iterator[Serving]:
    """The server, the address that it listens on, and a key."""
    process = started("serve", "--port", "0", DATA_DIR=str(folder), DRAIN_SECONDS="4")
    assert process.stdout
    lines = [line.split() for line in first_lines(process, 4)]
    yield process, urlsplit(lines[0][1]).netloc, lines[2][2]
    if process.poll() is None:
        process.kill()
        ended(process)


def test_42_no_request_fails_when_it_is_told_to_stop_under_load(serving: Serving) -> None:
    process, address, key = serving
    assert ready(address) == (200, {"status": "ok"})
    clients = [Client(address, key) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(1)
    before = [len(client.answers) for client in clients]
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    while ready(address)[0] == 200:
        assert time.monotonic() - told < 3
    assert ready(address) == (503, {"status": "unavailable", "reason": "stopping"})
    for thread in threads:
        thread.join(10)
    # Not ready, it still takes whom the others' balancer sends.
    late = Client(address, key)
    late.run()
    last = ended(process)
    assert [client.failure for client in (*clients, late)] == [None] * (CLIENTS + 1)
    assert all(before)
    assert {status for client in (*clients, late) for status in client.answers} == {200}
    assert all(client.asked_to_leave for client in (*clients, late))
    assert len(late.answers) == 1
    assert (last.code, last.err.endswith("Stopped serving\n"), "Traceback" in last.err) == (0, True, False)
    assert 4 <= time.monotonic() - told < 20


FOLLOW = json.dumps({"query": "subscription { changes { cursor } }"})


def test_42_streams_end_at_once_and_are_not_complete(serving: Serving) -> None:
    """Else a server would wait for them for as long as it waits for anybody; their clients come back with their cursors."""
    process, address, key = serving
    stream = HTTPConnection(address, timeout=30)
    stream.request(
        "POST", "/graphql/stream", FOLLOW, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    )
    answer = stream.getresponse()
    assert (answer.status, answer.readline()[:4]) == (200, b"id: ")
    for _ in range(2):  # at once, without the time in which it goes on serving
        process.send_signal(signal.SIGTERM)
        while process.poll() is None and ready_or_gone(address):
            time.sleep(0.05)
    with answer:
        rest = answer.read()
    stream.close()
    assert rest.startswith(b"event: next\n")
    assert b"complete" not in rest
    last = ended(process)
    assert (last.code, "Traceback" in last.err, "without completing" in last.err) == (0, False, False)
    # Those that don't end within ten seconds are cancelled, and it says so.
    assert "timeout" not in last.err.lower()


def ready_or_gone(address: str) -> bool:
    try:
        return ready(address)[0] == 200
    except OSError:
        return False


def test_who_asks_twice_does_not_wait(serving: Serving) -> None:
    process, address, _ = serving
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    while ready(address)[0] == 200:
        assert time.monotonic() - told < 3
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 0
    assert time.monotonic() - told < 4
