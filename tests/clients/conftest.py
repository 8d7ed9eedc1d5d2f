"""Real clients against one running server with the small demo: ``make test-clients``.

They need Node and a registry's packages, so a plain ``pytest`` leaves them out; ERPGRAPH_CLIENTS=1 takes them in.
``report`` keeps what the clients said for the end of the run's output.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.workshop import OPERATIONS, Served, Workshop
from tests.support.command import ended, first_lines, started

collect_ignore_glob = [] if os.environ.get("ERPGRAPH_CLIENTS") else ["test_*.py"]

MUTATIONS = ("PartnerUpsert", "ProductUpsert", "StockAdjust", "OrderCreate", "OrderRefused")
"""In the order in which they build upon each other. Each has an idempotency key, so that repeating gives the same."""

MADE = """{
  partner(by: {code: "CLIENT"}) { version orders { totalCount { value } } events { totalCount { value } } }
  product(by: {sku: "CLIENT-1"}) { version stock { onHand reserved } events { totalCount { value } } }
}"""
"""What the mutations made."""

REPORT = pytest.StashKey[list[str]]()

Report = Callable[[str, str], None]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(REPORT, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """Tell, at the end of the run, what was said about something."""
    kept = pytestconfig.stash.setdefault(REPORT, [])

    def keep(title: str, said: str) -> None:
        kept.extend([f"== {title}", *said.strip().splitlines()])

    return keep


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the embedded PostgreSQL can reach, whose account is another one when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="erpgraph-clients-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def served(folder: Path) -> Iterator[Served]:
    """``erpgraph serve`` as another process, on a free port, with a database of its own."""
    process = started("serve", "--port", "0", DATA_DIR=str(folder / "data"))
    assert process.stdout
    lines = [line.split() for line in first_lines(process, 4)]
    assert lines[0][:1] == ["graph"], process.communicate()
    yield Served(lines[0][1], {tenant: key for word, tenant, key in (line for line in lines if line[0] == "key")})
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 0


@pytest.fixture(scope="session")
def workshop(folder: Path, served: Served) -> Workshop:
    return Workshop(folder, served)


@pytest.fixture(scope="session")
def http(served: Served) -> Iterator[httpx.Client]:
    """A client that knows nothing of GraphQL."""
    with httpx.Client(headers={"Authorization": f"Bearer {served.keys['larkspur']}"}, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def answers(served: Served, http: httpx.Client) -> Iterator[dict[str, Any]]:
    """What a plain POST of each of the twenty operations gets, once all of the mutations were carried out.

    However often clients repeat these, nothing happens a second time.
    """

    def post(query: str, variables: dict[str, Any] | None = None) -> Any:
        body = http.post(served.url, json={"query": query, "variables": variables}).json()
        assert "errors" not in body, body
        return body["data"]

    def ask(name: str) -> Any:
        query, variables = (OPERATIONS / f"{name}.graphql").read_text(), (OPERATIONS / f"{name}.json").read_text()
        return post(query, json.loads(variables))

    for mutation in MUTATIONS:
        ask(f"{mutation}Mutation")
    names = sorted(path.stem for path in OPERATIONS.glob("*.graphql"))
    assert len(names) == 20
    made = post(MADE)
    yield {name: ask(name) for name in names}
    assert post(MADE) == made


def without_typename(value: Any) -> Any:
    """The same without ``__typename``, which Apollo Client and urql ask for besides; no operation here does."""
    match value:
        case dict():
            return {name: without_typename(each) for name, each in value.items() if name != "__typename"}
        case list():
            return [without_typename(each) for each in value]
    return value
