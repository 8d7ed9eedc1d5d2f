"""Both executors on queries generated from the real schema, on demo data.

A thousand in every run; as many as one likes with ``make fuzz N=…``.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest
from strawberry.types import ExecutionResult

from app.context import Principal, RequestContext
from app.graph import Graph, build
from db.engine import Database, Target
from execution import ExtensibleSchema
from services import demo, tenants
from tests.execution.fuzz import cases as generated
from tests.execution.fuzz.compare import Case, Comparison
from tests.execution.fuzz.erp import GATHER, Pool
from tests.execution.fuzz.run import FUZZ, compare
from tests.execution.fuzz.views import views
from tests.support.postgres import TestServer

# What graphql-core's executor starts and, after an error beside it, never awaits. (The second: Python can't even
# warn of it where a NamedTuple is being made, whose code has no builtins.)
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
async def shop(server: TestServer) -> AsyncIterator[tuple[Target, UUID]]:
    """A database with the demo's data, and its larger tenant. Nothing changes them."""
    async with server.fresh() as made:
        await demo.load(made, demo.Size.SMALL)
        yield made, await tenants.find(made, "larkspur")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of the test's own: hypothesis calls from plain functions."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


class Asker:
    """Runs cases on a database, each in a request and a snapshot of its own."""

    def __init__(self, database: Database, tenant: UUID) -> None:
        self.database = database
        self.tenant = tenant

    async def __call__(self, schema: ExtensibleSchema, case: Case, variables: dict[str, Any]) -> ExecutionResult:
        assert isinstance(schema, Graph)
        async with self.database.reader(self.tenant) as reader:
            context = RequestContext(Principal(self.tenant, "fuzz"), reader, schema.nodes)
            return await schema.execute(case.text, variables, context_value=context, operation_name=case.operation)


def test_generated_queries(shop: tuple[Target, UUID], loop: asyncio.AbstractEventLoop) -> None:
    database = Database(shop[0])
    loop.run_until_complete(database.open())
    try:
        ask = Asker(database, shop[1])
        comparison = Comparison(lambda breadth_first: build(breadth_first=breadth_first), ask)
        graph = build()
        answer = loop.run_until_complete(ask(graph, Case(GATHER, []), {}))
        assert not answer.errors
        pool = Pool()
        pool.gather(answer.data)
        strategy = generated.cases(graph._schema, views(graph._schema, 32, 3, 2), pool.scalars(), pool.tame, 3)
        seen = compare(comparison, strategy, loop, 540)
    finally:
        loop.run_until_complete(database.close())
    if FUZZ:
        return
    print(seen)  # noqa: T201 - shown with a failure
