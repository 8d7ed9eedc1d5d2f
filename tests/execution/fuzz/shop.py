"""The comparison on the real schema, over demo data, in parts that can run beside one another."""

import asyncio
from typing import Any
from uuid import UUID

from graphql import DocumentNode, ExecutionResult, parse

from app.context import Principal, RequestContext
from app.registry import Graph, build
from db.runtime.engine import Database, Target
from execution import ExtensibleSchema
from services.platform import tenants
from tests.execution.fuzz import cases as generated
from tests.execution.fuzz.compare import Comparison
from tests.execution.fuzz.erp import GATHER, Pool
from tests.execution.fuzz.run import compare, new_loop
from tests.execution.fuzz.seen import Seen
from tests.execution.fuzz.views import views
from tests.support.postgres import TestServer

PARTS = 3
"""Test files among which the views of the schema are dealt out."""

VIEWS = 11 * PARTS

EXAMPLES = 88
"""Of each part; each example is a document reshaped in ``RESHAPINGS`` ways."""

RESHAPINGS = 5

LEAST = {
    "documents": 310,
    "runs": 450,
    "rows": 110,
    "lists of several": 95,
    "errors": 50,
    "null to the top": 36,
    "nulls": 85,
    "variables": 390,
    "named fragments": 390,
    "inline fragments": 400,
    "aliases": 410,
    "skip or include": 380,
    "switched": 195,
}
"""What a part must have compared at least, or it has compared too little: see ``Seen``. Partial answers are the zoo's to
count: here most errors are of lists that are never null, and a part may well have none."""


class Asker:
    """Runs cases on a database, each in a request and a snapshot of its own."""

    def __init__(self, database: Database, tenant: UUID) -> None:
        self.database = database
        self.tenant = tenant

    async def __call__(
        self, schema: ExtensibleSchema, document: DocumentNode, operation: str | None, variables: dict[str, Any]
    ) -> ExecutionResult:
        assert isinstance(schema, Graph)
        async with self.database.reader(self.tenant) as reader:
            context = RequestContext(Principal(self.tenant, "fuzz"), reader, schema.nodes)
            return await schema.execute_document(document, variables, context=context, operation=operation)


def compare_part(server: TestServer, part: int) -> Seen:
    """Compare the executors on one part of the views, in a database of its own with the small demo."""
    with new_loop() as loop:
        fresh = server.with_demo()
        target = loop.run_until_complete(fresh.__aenter__())
        try:
            return _on(target, loop, part)
        finally:
            loop.run_until_complete(fresh.__aexit__(None, None, None))


def _on(target: Target, loop: asyncio.AbstractEventLoop, part: int) -> Seen:
    run = loop.run_until_complete
    # A machine that stood still for five seconds made one of the two answers "the database is away".
    ask = Asker(
        Database(target, acquire_timeout=60, statement_timeout_ms=60_000), run(tenants.find(target, "larkspur"))
    )
    run(ask.database.open())
    try:
        graph = build()
        answer = run(ask(graph, parse(GATHER), None, {}))
        assert not answer.errors
        pool = Pool()
        pool.gather(answer.data)
        # Those that follow each other: every third one would have the same few root fields where their number is a multiple.
        shown = views(graph._schema, VIEWS, 3, 2)[part * VIEWS // PARTS : (part + 1) * VIEWS // PARTS]
        strategy = generated.cases(graph._schema, shown, pool.scalars(), pool.tame, RESHAPINGS)
        comparison = Comparison(lambda breadth_first: build(breadth_first=breadth_first), ask)
        return compare(comparison, strategy, loop, EXAMPLES, PARTS)
    finally:
        run(ask.database.close())
