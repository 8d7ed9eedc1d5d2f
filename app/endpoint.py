"""The GraphQL endpoint: one HTTP request, one operation, one snapshot of the data.

It speaks GraphQL over HTTP itself, because the framework's router answers malformed bodies with 500,
passes 53 of the 61 audits of that specification, and adds its own per-request work to every query
(docs/decisions/0006-http.md).
"""

import asyncio
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.auth import Identity
from app.context import EXPLAIN, SCHEMA, Principal, RequestContext
from app.explorer import Explorer
from app.graph import Graph
from app.problems import VALIDATION_FAILED, formatted, plain
from app.requests import GraphQLRequest, Refused, read
from app.settings import Settings
from app.tokens import Tokens
from core.errors import (
    CostLimit,
    DocumentTooLarge,
    ErpError,
    Forbidden,
    LimitExceeded,
    Timeout,
    Unauthenticated,
    Unavailable,
)
from db.engine import Database
from db.reader import Reader
from execution import Documents, TooMuch, Trace

log = structlog.get_logger()

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
TRY_AGAIN = {"retry-after": "2"}


class GraphQLEndpoint:
    """The ASGI application behind ``/graphql``."""

    def __init__(
        self,
        graph: Graph,
        documents: Documents,
        database: Database,
        settings: Settings,
        explorer: Explorer | None = None,
    ) -> None:
        self.settings = settings
        self.explorer = explorer
        self.graph = graph
        self.documents = documents
        self.database = database
        self.identity = Identity(database, Tokens.of(settings, database), settings.failed_attempts)
        self._closing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self.respond(request))(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The answer to any request."""
        media = accepted(",".join(request.headers.getlist("accept")))
        request_id = uuid4().hex
        try:
            if request.method not in ("GET", "POST"):
                raise Refused(405, "GraphQL is spoken by GET and POST.", allow="GET, POST")
            if self.explorer and wants_page(request):
                return self.explorer.page(request)
            if media is None:
                raise Refused(406, f"Answers are {GRAPHQL_JSON} or {JSON}.")
            address = request.client.host if request.client else ""
            principal = await self.identity.principal(request.headers.get("authorization"), address, request_id)
            return await self._execute(request, await read(request), principal, media, request_id)
        except ErpError as error:
            return answer({"errors": [plain(error)]}, media or JSON, *refusal(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours outside of the execution is masked like one inside
            fault = formatted([GraphQLError("", original_error=error)], request_id)
            return answer({"errors": fault}, media or JSON, 500, {"x-request-id": request_id})

    async def _execute(
        self, request: Request, asked: GraphQLRequest, principal: Principal, media: str, request_id: str
    ) -> Response:
        refused = 400 if media == GRAPHQL_JSON else 200
        try:
            knows = SCHEMA in principal.permissions
            document = self.documents.get(asked.query, principal.tenant, hide_suggestions=not knows)
            if document.errors:
                return answer({"errors": formatted(document.errors, request_id, VALIDATION_FAILED)}, media, refused)
            if document.introspects and not knows:
                raise Forbidden(f"Your key doesn't allow introspection: it needs {SCHEMA}.")
            operation = chosen(document.node, asked.operation)
            kind = operation.operation
            cost = self._priced(self.documents.price(document, operation, asked.variables or {}), asked)
        except TooMuch as error:
            return answer({"errors": [plain(too_much(error))]}, media, refused)
        except (CostLimit, Forbidden) as error:
            return answer({"errors": [plain(error)]}, media, refused)
        except GraphQLError as error:
            code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "OPERATION_RESOLUTION_FAILURE"
            return answer({"errors": formatted([error], request_id, code)}, media, refused)
        if kind is OperationType.SUBSCRIPTION or (kind is OperationType.MUTATION and request.method == "GET"):
            raise Refused(405, f"A {kind.value} can't be sent by {request.method}.", allow="POST")
        if request.headers.get("x-cost-only") == "1":
            return answer({"data": None, "extensions": {"cost": cost}}, media)
        trace = Trace() if request.headers.get("x-explain") == "1" and EXPLAIN in principal.permissions else None
        reader = self.database.reader(principal.tenant, principal.partner)
        context = RequestContext(principal, reader, self.graph.nodes, request_id, trace, self.database)
        try:
            result = await self.graph.execute(
                asked.query, asked.variables, context_value=context, operation_name=asked.operation
            )
        finally:
            self._release(context.reader)
        return self._answer(result, context, cost, media, refused)

    def _priced(self, price: int, asked: GraphQLRequest) -> dict[str, int]:
        """What the operation costs. Raises ``CostLimit`` where that is too much, ``TooMuch`` for a variable's list
        that is too long.
        """
        longest = longest_list(asked.variables)
        if longest > self.settings.limit_list:
            raise TooMuch("entries in a list", self.settings.limit_list, longest)
        cost = {"requested": price, "limit": self.settings.limit_cost}
        if price > self.settings.limit_cost:
            message = f"This may read {price:,} objects, and a request may read {self.settings.limit_cost:,}: ask for smaller pages."
            raise CostLimit(message, facts={"cost": cost})
        return cost

    def _answer(self, result: Any, context: RequestContext, cost: dict[str, int], media: str, refused: int) -> Response:
        """The answer to an operation that was executed, or refused when its variables were read."""
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = formatted(result.errors, context.request_id)
        # Without data nothing was executed: a variable that doesn't fit is such a refusal.
        began = result.data is not None or any(error.path for error in result.errors or ())
        if began:
            body["data"] = result.data
            body["extensions"] = {"cost": cost | {"actual": context.rows}}
        if context.trace is not None:
            body.setdefault("extensions", {})["plan"] = explained(context.trace, body)
        status = _status(body) if began else refused
        headers = {"x-request-id": context.request_id}
        return answer(body, media, status, headers | TRY_AGAIN if status == 503 else headers)

    def _release(self, reader: Reader) -> None:
        """End a request's snapshot beside the sending of its answer, which needn't wait for it. Nor does
        the connection wait for a client that reads slowly."""
        closing = asyncio.create_task(reader.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def too_much(error: TooMuch) -> LimitExceeded:
    """The error for a document over a limit, with its numbers."""
    kind = DocumentTooLarge if error.limit in {"characters", "tokens"} else LimitExceeded
    facts = {"limit": error.limit, "maximum": error.maximum}
    return kind(str(error), facts=facts if error.actual is None else facts | {"actual": min(error.actual, 10**6)})


def longest_list(given: Any) -> int:
    """The length of the longest list anywhere in the variables."""
    longest, waiting = 0, [given]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            longest = max(longest, len(each))
            waiting += [item for item in each if isinstance(item, (dict, list))]
        elif isinstance(each, dict):
            waiting += [item for item in each.values() if isinstance(item, (dict, list))]
    return longest


def refusal(error: ErpError) -> tuple[int, dict[str, str]]:
    """The status and the headers of an answer to a request that never came to be executed."""
    match error:
        case Refused():
            return error.status, error.headers
        case Unauthenticated():
            return 401, {"www-authenticate": "Bearer"}
        case Unavailable() | Timeout():
            return 503, TRY_AGAIN
    return 400, {}


def _status(body: dict[str, Any]) -> int:
    """503 where the database was away for the whole answer, so that proxies and clients try again."""
    errors = body.get("errors", ())
    away = any(error["extensions"]["code"] == Unavailable.code for error in errors)
    return 503 if away and not any((body["data"] or {}).values()) else 200


def chosen(document: Any, name: str | None) -> OperationDefinitionNode:
    """The operation to run. Raises ``GraphQLError`` where the request doesn't say which."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        for operation in operations:
            if operation.name is not None and operation.name.value == name:
                return operation
        raise GraphQLError(f"There is no operation named {name}.")
    if len(operations) != 1:
        raise GraphQLError(
            "The document has several operations: operationName must say which."
            if operations
            else "The document has no operation."
        )
    return operations[0]


def accepted(accept: str) -> str | None:
    """The media type to answer with, by the Accept header's preferences; None where neither will do."""
    weights: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in parameters if piece.lower().startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        weights[media.lower()] = weight if 0 <= weight <= 1 else 0.0

    def preference(media: str) -> float:
        # The narrowest range is the one that counts: what has q=0 isn't let in again by a wider one.
        return next((weights[range_] for range_ in (media, "application/*", "*/*") if range_ in weights), 0.0)

    named = [media for media in weights if media in (JSON, GRAPHQL_JSON)]
    best = max((*named, JSON, GRAPHQL_JSON), key=preference)
    return best if preference(best) > 0 else None


def wants_page(request: Request) -> bool:
    """Whether a browser asks for the explorer."""
    asks = request.method == "GET" and "query" not in request.query_params
    return asks and "text/html" in request.headers.get("accept", "")


def explained(trace: Trace, body: dict[str, Any]) -> dict[str, Any]:
    """``extensions.plan``: what ran, and what writing the answer as JSON takes."""
    plan = trace.report()
    start = perf_counter()
    size = len(orjson.dumps(body))
    plan["totals"] |= {"serialisationMilliseconds": round((perf_counter() - start) * 1000, 3), "bytes": size}
    return plan


def answer(body: dict[str, Any], media: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(body), status, headers, f"{media}; charset=utf-8")
