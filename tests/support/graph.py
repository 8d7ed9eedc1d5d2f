"""Queries against a schema and a database, without HTTP: what came of them, and the SQL they ran."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple
from uuid import UUID

from graphql import ExecutionResult, GraphQLError

from app.context import Principal, RequestContext
from app.registry import Graph, build
from app.settings import load
from app.webhooks.posting import Posting
from app.webhooks.reading import Reading
from core.errors import BadInput
from core.modules import MODULES
from core.permissions import EVERYTHING
from db.runtime.engine import Database
from db.runtime.reader import ExecutedStatement, Reader
from execution import Documents


class Answer(NamedTuple):
    """What a query gave: its data, its errors, and the statements that it ran."""

    data: Any
    errors: list[GraphQLError]
    ran: list[ExecutedStatement]

    @property
    def good(self) -> Any:
        """The data of a query that must not fail."""
        assert not self.errors, self.errors
        return self.data

    @property
    def refusal(self) -> tuple[list[str | int] | None, tuple[str | int, ...]]:
        """Of a query with one refused argument: the path of its field, and the path into its arguments."""
        [error] = self.errors
        assert isinstance(error.original_error, BadInput), error.original_error
        return error.path, error.original_error.path


@cache
def schema(modules: tuple[str, ...] = MODULES, *, breadth_first: bool = True) -> Graph:
    """The schema as the application builds it."""
    return build(modules, breadth_first=breadth_first)


@cache
def documents(graph: Graph) -> Documents:
    """The store of a schema's parsed documents."""
    return Documents(graph._schema)


RECEIVING = {"webhook_keys": "k" * 40, "webhook_networks": "127.0.0.0/8"}
"""The settings of a server whose webhooks' receivers may be on this machine."""


@cache
def posting(database: Database | None) -> Posting:
    """The way to receivers, of requests that come without a server; with no database it sends nothing."""
    settings, graph = load(**RECEIVING), schema()
    return Posting(database, Reading(graph, documents(graph), settings, database), settings)  # type: ignore[arg-type]  # see above


async def executed(
    graph: Graph,
    query: str,
    context: RequestContext,
    variables: Mapping[str, Any] | None = None,
    *,
    propagate: bool = True,
) -> ExecutionResult:
    """What a query gives, on the application's way from a text to an answer: without what the endpoint adds."""
    try:
        document = documents(graph).get(query)
    except GraphQLError as error:
        return ExecutionResult(None, [error])
    if document.errors:
        return ExecutionResult(None, document.errors)
    return await graph.execute_document(document.node, dict(variables or {}), context=context, propagate=propagate)


def node_types(modules: Iterable[str] = MODULES) -> dict[str, tuple[str, str]]:
    """The type and the table of each prefix of ids that these modules bring, read from the modules themselves."""
    loaders = [loader for name in modules for loader in import_module(f"schema.{name}").MODULE.nodes]
    return {each.entity.prefix: (each.entity.typename, each.entity.model.__tablename__) for each in loaders}


class Asker:
    """Asks queries of a database. Each is a request of its own: one reader, one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def __call__(
        self,
        query: str,
        tenant: UUID,
        variables: Mapping[str, Any] | None = None,
        *,
        breadth_first: bool = True,
        modules: Iterable[str] = MODULES,
        permissions: frozenset[str] = EVERYTHING,
        partner: UUID | None = None,
        propagate: bool = True,
        writes: bool = False,
        rolled: bool = False,
    ) -> Answer:
        graph = schema(tuple(modules), breadth_first=breadth_first)
        reader = self.database.reader(tenant, partner)
        principal = Principal(tenant, "tests", permissions, partner)
        context = RequestContext(principal, reader, graph.nodes, database=self.database if writes else None)
        context.rolled = rolled
        context.post = posting(self.database)
        try:
            result = await executed(graph, query, context, variables, propagate=propagate)
            return Answer(result.data, list(result.errors or ()), context.reader.ran)
        finally:
            await context.reader.close()


async def ask(
    graph: Graph,
    reader: Reader,
    query: str,
    variables: Mapping[str, Any] | None = None,
    permissions: frozenset[str] = EVERYTHING,
) -> Answer:
    """Run a query on a reader that the caller has."""
    context = RequestContext(Principal(reader.tenant, "tests", permissions, reader.partner), reader, graph.nodes)
    context.post = posting(None)
    result = await executed(graph, query, context, variables)
    return Answer(result.data, list(result.errors or ()), reader.ran)
