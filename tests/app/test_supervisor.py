"""Who looks after the workers: which die, hang, don't start, don't leave. The workers here are small programs that speak as
``app.serving.worker`` does, and behave as a plan says.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.serving import supervisor as module
from app.serving.listeners import bind
from app.serving.supervisor import Supervisor
from app.settings import load
from core.errors import Unavailable
from db.runtime.engine import Target
from tests.support.http import eventually
from tests.support.patience import PATIENCE

WORKER = """
import json, os, pathlib, select, sys, time
orders = json.loads(os.read(0, 65536).split(b"\\n")[0])
plan = pathlib.Path(orders["keys"]["plan"]) / str(orders["number"])
now, _, rest = plan.read_text().partition(" ")
plan.write_text(rest or "serve")
say = lambda word: os.write(1, word + b"\\n")
if now == "refuse":
    sys.exit(1)
if now != "late":
    say(b"ready")
if now == "die":
    sys.exit(3)
if now == "hang":
    time.sleep(60)
while True:
    if select.select([0], [], [], 0.005)[0]:
        word = os.read(0, 65536)
        if now != "stay" or not word:
            break
    say(b"beat")
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    for number in range(2):
        (tmp_path / str(number)).write_text("serve")
    return tmp_path


def supervisor_of(plan: Path, listener: socket.socket) -> Supervisor:
    made = Supervisor(load(workers=2), Target("", ""), {"plan": str(plan)}, [listener])
    made.program = ("-c", WORKER)
    return made


@asynccontextmanager
async def supervised(plan: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Two workers in the care of a supervisor, which leaves in the end, and what it logs."""
    monkeypatch.setattr(module, "TICK", 0.05)
    monkeypatch.setattr(module, "SILENT", 10)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(module, "LEAVES_WITHIN", 1.0)
    ready = asyncio.Event()
    with bind("127.0.0.1", 0) as listener, capture_logs() as logs:
        made = supervisor_of(plan, listener)
        running = asyncio.create_task(made.run(ready.set))
        try:
            await asyncio.wait_for(ready.wait(), PATIENCE)
            yield made, logs
            made.stop(signal.SIGTERM)
            await asyncio.wait_for(running, PATIENCE)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert not made._alive


def told(logs: Any, *names: str) -> list[tuple[Any, ...]]:
    return [(log["event"], log.get("worker")) for log in logs if not names or log["event"] in names]


def pids(logs: Any) -> list[int]:
    return [log["pid"] for log in logs if log["event"] == "worker ready"]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_all_start_and_all_leave(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with supervised(plan, monkeypatch) as (_, logs):
        assert sorted(told(logs)) == [("worker ready", 0), ("worker ready", 1)]
        assert all(map(lives, pids(logs)))
    assert not any(map(lives, pids(logs)))
    assert len(told(logs)) == 2


async def test_one_that_dies_is_replaced_at_once_and_then_later_and_later(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plan / "1").write_text("serve die die refuse serve")
    async with supervised(plan, monkeypatch) as (_, logs):
        os.kill(next(log["pid"] for log in logs if log["worker"] == 1), signal.SIGKILL)
        await eventually(lambda: len(pids(logs)) == 5)
        died = [(log["worker"], log["code"], log["next_in"]) for log in logs if log["event"] == "worker died"]
        assert died == [(1, -9, 0.0), (1, 3, 0.05), (1, 3, 0.1), (1, 1, 0.2)]


async def test_one_that_hangs_is_ended_and_replaced(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plan / "0").write_text("hang serve")
    async with supervised(plan, monkeypatch) as (_, logs):
        await eventually(lambda: len(pids(logs)) == 3)
        found = told(logs, "worker hangs", "worker died")
        assert found == [("worker hangs", 0), ("worker died", 0)]
        assert [log["code"] for log in logs if log["event"] == "worker died"] == [-signal.SIGABRT]


@pytest.mark.parametrize("first", ["refuse", "die", "late"])
async def test_where_one_does_not_start_the_server_does_not(
    plan: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(module, "STARTS_WITHIN", 0.5)
    (plan / "0").write_text(first)
    (plan / "1").write_text("serve" if first == "late" else "late")
    with bind("127.0.0.1", 0) as listener, capture_logs() as logs:
        made = supervisor_of(plan, listener)
        with pytest.raises(Unavailable, match="could not start"):
            await asyncio.wait_for(made.run(pytest.fail), PATIENCE)
    assert told(logs, "worker isn't ready in time", "worker died", "reloading") == [
        ("worker isn't ready in time", int(first != "late"))
    ]
    assert not made._alive


async def test_a_reload_replaces_one_after_the_other(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with supervised(plan, monkeypatch) as (supervisor, logs):
        before = pids(logs)
        supervisor.reload()
        supervisor.reload()  # nothing more: one is under way
        await eventually(lambda: ("reloaded", None) in told(logs))
        assert told(logs)[2:] == [("reloading", None), ("worker ready", 0), ("worker ready", 1), ("reloaded", None)]
        assert not any(map(lives, before))
        assert all(map(lives, pids(logs)[2:]))


async def test_a_reload_that_fails_leaves_the_others_as_they_are(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plan / "1").write_text("serve refuse serve")
    async with supervised(plan, monkeypatch) as (supervisor, logs):
        supervisor.reload()
        await eventually(lambda: len(told(logs)) == 5)
        assert told(logs)[2:] == [
            ("reloading", None),
            ("worker ready", 0),
            ("reload given up: the other workers stay as they are", 1),
        ]
        assert lives(next(log["pid"] for log in logs if log.get("worker") == 1 and "pid" in log))


async def test_one_that_does_not_leave_is_ended(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plan / "0").write_text("stay")
    async with supervised(plan, monkeypatch) as (_, logs):
        pass
    assert told(logs, "worker didn't leave in time") == [("worker didn't leave in time", 0)]
    assert not any(map(lives, pids(logs)))
