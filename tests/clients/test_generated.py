"""Requests that Schemathesis generates from the schema, valid ones and others: no fault, and nothing over its limit.

``ERPGRAPH_GENERATED=10000`` sends as many, over four seeds.
"""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Report
from tests.clients.workshop import CLIENTS, called, environment_of, installed
from tests.support.command import ended, first_lines, started

REQUESTS = int(os.environ.get("ERPGRAPH_GENERATED", "500"))
SEEDS = (1, 2, 3, 4)
OPERATIONS = 26
"""Root fields, each of which gets its part of the requests."""

GROWTH = 50_000
"""kB that the server's memory may grow by after the first seed: its caches of documents and plans are bounded."""

BUSY = {"BUDGET": str(10**9), "BUDGET_RATE": str(10**8), "LOG_LEVEL": "warning"}


@pytest.fixture
def server(folder: Path) -> Iterator[tuple[str, str, int]]:
    """A server's address, a key that may do everything, and its process: these requests change what is there."""
    process = started("serve", "--port", "0", DATA_DIR=str(folder / "generated"), **BUSY)
    assert process.stdout
    lines = [line.split() for line in first_lines(process, 4)]
    yield lines[0][1], lines[2][2], process.pid
    process.send_signal(signal.SIGTERM)
    said = ended(process)
    assert said.code == 0
    assert [line for line in said.err.splitlines() if "fault" in line or "never" in line] == []


def memory(pid: int) -> int:
    """The resident memory of a process, in kB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def test_whatever_is_asked(server: tuple[str, str, int], folder: Path, report: Report) -> None:
    url, key, pid = server
    environment = installed(CLIENTS / "schemathesis", "requirements.txt", ".venv", environment_of)
    shutil.copy(CLIENTS / "schemathesis" / "hooks.py", folder)
    each = -(-REQUESTS // OPERATIONS // len(SEEDS))
    held, sent = [], 0
    for seed in SEEDS:
        command = f"{environment}/bin/schemathesis run {url} --checks kept_its_word --mode all --no-shrink --no-color"
        options = ("-n", str(each), "--seed", str(seed), "-H", f"Authorization: Bearer {key}", "--continue-on-failure")
        run = called(folder, *command.split(), *options, SCHEMATHESIS_HOOKS="hooks")
        assert run.returncode == 0, run.stdout + run.stderr
        found = re.search(r"(\d[\d,]*) generated, ([\d,]*) passed", run.stdout)
        assert found, run.stdout
        assert found[1] == found[2], run.stdout
        sent += int(found[1].replace(",", ""))
        held.append(memory(pid))
    assert sent >= REQUESTS * 0.9
    report("schemathesis", f"{sent:,} requests, no fault; memory after each seed: {held} kB")
    assert held[-1] - held[0] <= GROWTH
