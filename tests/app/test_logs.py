"""The log: nobody who asks can write into a terminal by it, fill it, or stop the server with it."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from app import logs
from app.audit import audit
from app.logs import MAX_QUEUED, Writer, escaped
from services.platform import keys
from tests.support.demo_site import Site

ROOT = Path(__file__).parents[2]


@pytest.fixture
def configured() -> Iterator[None]:
    logs.configure()
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("text", ["\x9b31m", "\x1b[31m", "a\nb", "\u202egnp", "\u2028", "\x7f", "\ud800", "\x85"])
def test_attack_14_what_is_not_printable_is_escaped(
    configured: None, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    structlog.get_logger().info("event", address=text)
    line = capsys.readouterr().err
    assert line.endswith("\n")
    assert line[:-1].isprintable()


def test_attack_14_nor_is_it_in_a_fault(configured: None, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().error("fault", exc_info=ValueError("\x9b31m"))
    written = capsys.readouterr().err
    assert "ValueError: \\x9b31m\n" in written
    assert written.replace("\n", "").isprintable()


def test_printable_text_stays_as_it_is() -> None:
    assert escaped("Zoë 東京 ½") == "Zoë 東京 ½"


def test_attack_14_a_reader_that_stops_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pipe: lines are dropped, counted, and the number is written when there is a reader again."""
    source, sink = os.pipe()
    monkeypatch.setattr(logs, "STDERR", sink)
    writer = Writer()
    read = bytearray()

    def take() -> None:
        while chunk := os.read(source, 65_536):
            read.extend(chunk)

    reader = threading.Thread(target=take)
    with writer.running():
        for number in range(3 * MAX_QUEUED):
            writer.write(f"{number:06} " + "x" * 200)  # returns, though nobody reads
        assert writer.dropped > 0
        dropped = writer.dropped
        reader.start()
    os.close(sink)
    reader.join()
    os.close(source)
    lines = read.decode().splitlines()
    reports = [int(line.split()[0]) for line in lines if line.endswith("nobody took them in time")]
    assert sum(reports) == dropped
    assert len(lines) - len(reports) == 3 * MAX_QUEUED - dropped


async def test_attack_14_one_line_for_each_permission_that_is_denied(site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "logs", roles=("viewer",), replace=True)
    async with site.admin() as connection:
        await connection.execute("UPDATE api_keys SET roles = '{}' WHERE name = 'logs'")
    fields = " ".join(f"a{number}: orders(first: 1) {{ nodes {{ id }} }}" for number in range(15))
    async with site.client(key) as client:
        with capture_logs() as lines:
            answer: httpx.Response = await client.post("/graphql", json={"query": f"{{ {fields} }}"})
    assert answer.json()["errors"]
    assert [line["permission"] for line in lines if line["what"] == "denied"] == ["orders:read"]


def test_attack_14_no_descriptors_left_is_told_once_in_a_while() -> None:
    """In a process of its own, which may have no descriptor more than it has."""
    program = """
import resource
from structlog.testing import capture_logs
from app.serving.accepting import Descriptors
look = Descriptors()
with capture_logs() as lines:
    look.check()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    look.check()
    look.check()
print([line["event"] for line in lines])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "['no file descriptors left: clients are turned away']\n"


@pytest.fixture
def as_json() -> Iterator[None]:
    logs.configure("json")
    yield
    structlog.reset_defaults()


def test_json_is_one_object_a_line_whatever_happened(as_json: None, capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger()
    log.warning("event", address="\x9b31m\n\x7f\ud800", number=2**70, other={1: object})
    try:
        raise ValueError("\x9b31m")
    except ValueError:
        log.exception("fault")
    with logs.standard_logging():
        logging.getLogger("uvicorn.error").error("failed: %s", "\u2028")
        logging.getLogger("uvicorn.error").info("not told")
    lines = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() for line in lines)
    first, fault, other = map(json.loads, lines)
    assert [*first] == ["timestamp", "level", "event", "address", "number", "other"]
    assert (first["level"], first["address"], first["number"]) == ("warning", "\x9b31m\n\x7f\ud800", 2**70)
    assert fault["exception"].splitlines()[-1] == "ValueError: \x9b31m"
    assert (other["level"], other["event"], other["logger"]) == ("error", "failed: \u2028", "uvicorn.error")


def test_a_reader_that_is_gone_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    source, sink = os.pipe()
    monkeypatch.setattr(logs, "STDERR", sink)
    os.close(source)
    writer = Writer()
    with writer.running():
        for _ in range(100):
            writer.write("to nobody")
    assert not [thread for thread in threading.enumerate() if thread.name == "log"]
    os.close(sink)


@pytest.mark.parametrize(
    "level, written",
    [
        ("debug", ["debug", "info", "warning", "error", "audit", "library debug", "library warning", "library error"]),
        ("info", ["info", "warning", "error", "audit", "library warning", "library error"]),
        ("warning", ["warning", "error", "audit", "library warning", "library error"]),
        ("error", ["error", "audit", "library error"]),
    ],
)
def test_the_level_is_that_of_all_lines_but_the_audit_trails(
    capsys: pytest.CaptureFixture[str], level: str, written: list[str]
) -> None:
    logs.configure("json", level)
    log, library = structlog.get_logger(), logging.getLogger("some.library")
    library.setLevel(logging.DEBUG)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
    audit("denied", "")
    with logs.standard_logging():
        for name in ("debug", "warning", "error"):
            getattr(library, name)(f"library {name}")
    structlog.reset_defaults()
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == written
