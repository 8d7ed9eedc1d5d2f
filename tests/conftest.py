"""What every test may ask for.

``server``    the run's PostgreSQL, a ``TestServer``: ERPGRAPH_DATABASE_URL's, or an embedded one of the run's own
``target``    where this worker's database is (migrated, empty at first, shared by the worker's tests)
``database``  that database, open: the pools that the application uses
``admin``     an asyncpg connection to it as the administrator, whom row-level security doesn't bind
``acme``, ``globex``  ids of two tenants in it, in EUR and GBP
``fresh``     where a database of this test's own is: for what commits, migrates or counts everything
``small_demo``  the same, with the small demo in it
"""

import asyncio
import functools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import settings

from app.asgi import settle_memory
from app.registry import build
from db.admin import embedded
from db.runtime import engine
from db.runtime.engine import Database, Target
from services.platform import tenants
from tests.support import hanging
from tests.support.postgres import TestServer, drop_all, start_embedded

RUN = "ERPGRAPH_TEST_RUN"
"""Names the run's folder; the controller sets it, and xdist's workers inherit it."""

# Tests of one key make dozens of applications, each of which takes a lease of its budget.
os.environ.setdefault("ERPGRAPH_BUDGET", str(10**9))
os.environ.setdefault("ERPGRAPH_BUDGET_RATE", str(10**8))

# Prices are compared exactly, and what is usual for a tenant is found beside its first requests.
os.environ.setdefault("ERPGRAPH_PRICE_BY_DATA", "off")

# A line for each of their requests is for operators; the tests of it ask for it.
os.environ.setdefault("ERPGRAPH_REQUEST_LOG", "off")

# A session has dozens of pools, and a server a hundred connections.
engine.IDLE = 3.0

# The reference executor may be at Python for seconds between two statements on a busy machine, and a connection
# of its that is ended then looks like a difference. Servers that tests start as processes have the real bound.
engine.SESSION_TIMEOUTS["idle_in_transaction_session_timeout"] = "120000"

# The same examples at every run, and no limit that a busy machine could break. To look for new ones:
# pytest --hypothesis-profile=default
settings.register_profile("house", deadline=None, database=None, derandomize=True)
settings.load_profile("house")


def given() -> str:
    """The server to test on, if one was given."""
    return os.environ.get("ERPGRAPH_DATABASE_URL", "")


def prefix() -> str:
    return Path(os.environ[RUN]).name.replace("-", "_")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--on-server", action="store_true", help="only the tests that may come out otherwise on another PostgreSQL"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What doesn't use the run's PostgreSQL, or comes out alike on every one, was tried before the run on a second one."""
    if not config.getoption("--on-server"):
        return
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (chosen if _depends_on_server(item) else others).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=others)


def _depends_on_server(item: pytest.Item) -> bool:
    if "server" not in getattr(item, "fixturenames", ()) or item.get_closest_marker("one_server") is not None:
        return False
    # The reference executor asks the same loaders, so the server sees the same statements once more.
    callspec = getattr(item, "callspec", None)
    return callspec is None or callspec.params.get("breadth_first", True) is True


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-test-"))
    folder.chmod(0o755)  # the embedded server has an account of its own when root runs the tests
    os.environ[RUN] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or RUN not in os.environ:
        return
    folder = Path(os.environ[RUN])
    if given():
        asyncio.run(drop_all(given(), prefix()))
    elif (folder / "postgres" / "postmaster.pid").exists():  # the last worker crashed
        embedded.start(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with hanging.at_most(hanging.limit(item.config), getattr(item, "originalname", item.name)):
        return (yield)


@pytest.fixture(scope="module", autouse=True)
def settled() -> None:
    """What earlier files left isn't walked again. By the end a worker holds 700 MB, of which each full collection walked
    all: a query of the walk of tenants ran into its five seconds, and tests that collect took a minute.
    """
    settle_memory()


@pytest.fixture(scope="session", autouse=True)
def small_requests_are_free() -> Generator[None]:
    """What small requests pay is compared exactly, and a busy machine takes its milliseconds for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.throttling.spending.FREE_TOGETHER", 1.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Generator[None]:
    """Applications with the same modules have one graph. Most tests of HTTP make one of their own, and a graph is 70 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.asgi.build", functools.cache(build))
        yield


@pytest.fixture(scope="session")
async def server(worker_id: str) -> AsyncIterator[TestServer]:
    running = None if given() else await start_embedded(Path(os.environ[RUN]))
    url = running.url("postgres") if running else given()
    found = TestServer(url, prefix(), worker_id, direct_login=running is not None)
    await found.build_template()
    yield found
    if running:
        running.stop()


@pytest.fixture(scope="session")
async def target(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as made:
        yield made


@pytest.fixture(scope="session")
async def database(target: Target) -> AsyncIterator[Database]:
    opened = Database(target)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def admin(target: Target) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(target.admin)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def acme(target: Target) -> UUID:
    return await tenants.create(target, "acme", "EUR", "Europe/Berlin")


@pytest.fixture(scope="session")
async def globex(target: Target) -> UUID:
    return await tenants.create(target, "globex", "GBP", "Europe/London")


@pytest.fixture
async def fresh(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as made:
        yield made


@pytest.fixture
async def small_demo(server: TestServer) -> AsyncIterator[Target]:
    async with server.with_demo() as made:
        yield made
