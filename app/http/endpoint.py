"""The GraphQL endpoint: one HTTP request, one operation, one snapshot of the data.

It speaks GraphQL over HTTP itself, because the framework's router answers malformed bodies with 500,
passes 53 of the 61 audits of that specification, and adds its own per-request work to every query
(docs/decisions/0006-http.md).
"""

import asyncio
from random import getrandbits
from time import monotonic, perf_counter
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.auth.authenticator import Authenticator
from app.auth.tokens import JwtVerifier
from app.context import EXPLAIN, Principal, RequestContext
from app.documents.preparation import OperationPreparer, Prepared, reads_schema
from app.documents.resolver import DocumentResolver
from app.documents.roots import reads_feed
from app.errors.carried_out import corrected
from app.errors.formatting import entry, formatted
from app.errors.http_errors import HttpError, Rejected, Throttled
from app.http.compression import compressed
from app.http.deadline import ClientGone, RequestDeadline
from app.http.explorer import Explorer
from app.http.negotiation import GRAPHQL_JSON, JSON, media_type
from app.http.position import HEADER, position
from app.http.position import written as written_at
from app.http.request import parameters, read
from app.http.responses import (
    TRY_AGAIN,
    conditional_response,
    json_response,
    refusal,
    rejected,
    status_of,
    written_response,
)
from app.registry import Graph, relations
from app.serialisation import composed, written
from app.settings import Settings
from app.telemetry.record import RequestRecord
from app.telemetry.telemetry import Telemetry
from app.throttling.budgets import REFUSAL_TAKES, Budgets, Charge
from app.throttling.concurrency import ConcurrencyLimits, Slot
from app.throttling.usual import UsualSizes
from app.webhooks.posting import Posting, has_keys
from app.webhooks.reading import Reading
from core.changes import Cursor
from core.errors import AnswerTooLarge, CostLimit, ErpError
from db.runtime.engine import Database
from db.runtime.standby import EVERYTHING
from execution import Documents, Meter, Trace


class GraphQLEndpoint:
    """The ASGI application behind ``/graphql``."""

    def __init__(
        self,
        graph: Graph,
        documents: Documents,
        database: Database,
        settings: Settings,
        explorer: Explorer | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.telemetry = telemetry or Telemetry(settings)
        self.explorer = explorer
        self.settings = settings
        self.graph = graph
        self.database = database
        self.resolver = DocumentResolver(documents, settings)
        self.usual = UsualSizes(database, relations(graph) if settings.price_by_data else ())
        self.preparer = OperationPreparer(documents, settings, self.usual.of)
        self.limits = ConcurrencyLimits(settings.pool_size, settings.limit_in_flight, settings.limit_in_flight_tenant)
        self.budgets = Budgets(database, settings)
        self.authenticator = Authenticator(database, JwtVerifier.of(settings, database), settings.failed_attempts)
        self.posting = (
            Posting(database, Reading(graph, documents, settings, database), settings) if has_keys(settings) else None
        )
        self._closing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # To find it in the log by, not to be secret: the operating system's random bytes took 1 % of a small query.
        record = self.telemetry.begin(request, f"{getrandbits(128):032x}")
        answer: Response | None = None
        try:
            answer = await compressed(request, await self.respond(request, record))
        finally:
            self.telemetry.end(record, answer)
        await answer(scope, receive, send)

    async def respond(self, request: Request, record: RequestRecord) -> Response:
        """The answer to any request."""
        media = media_type(",".join(request.headers.getlist("accept")))
        request_id = record.request_id
        try:
            with record:
                return await self._respond(request, media, record)
        except (AnswerTooLarge, CostLimit) as error:
            return json_response(
                {"errors": [entry(error)], "data": None}, media or JSON, 200, {"x-request-id": request_id}
            )
        except ClientGone:
            return Response(status_code=499)
        except Rejected as outcome:
            return rejected(outcome.errors, media or "")
        except ErpError as error:
            if isinstance(error, Throttled):
                await asyncio.sleep(REFUSAL_TAKES)
            return refusal(error, media, {"x-request-id": request_id})
        except Exception as error:  # noqa: BLE001 - a fault of ours outside of the execution is masked like one inside
            fault = formatted([GraphQLError("", original_error=error)], request_id)
            return json_response({"errors": fault}, media or JSON, 500, {"x-request-id": request_id})

    async def _respond(self, request: Request, media: str | None, record: RequestRecord) -> Response:
        if request.method not in ("GET", "POST"):
            raise HttpError(405, "Use GET or POST.", allow="GET, POST")
        if self.explorer and wants_page(request):
            record.kind = "page"
            return self.explorer.page(request)
        if media is None:
            raise HttpError(406, f"Answers are {GRAPHQL_JSON} or {JSON}.")
        authorization = request.headers.get("authorization")
        principal = await self.authenticator.authenticate(authorization, record.address, record.request_id)
        record.principal = principal
        with self.limits.slot(principal.owner) as slot:
            record.charge = charge = await self.budgets.admit(principal)
            charge.spent.observer = record.trace
            charge.give_way_to(slot.beside)
            try:
                return await charge.spent.measure(self._serve(request, principal, slot, charge, media, record))
            finally:
                charge.end()  # however it ended

    async def _serve(
        self, request: Request, principal: Principal, slot: Slot, charge: Charge, media: str, record: RequestRecord
    ) -> Response:
        """The answer to a GraphQL request."""
        request_id = record.request_id
        # Before anything is read: what is too large, or no JSON, was refused 1,100 times a second.
        await charge.keep_pace()
        asked = self.resolver.resolve(await read(request, self.settings.largest_body), principal, request_id)
        record.name(asked.operation)
        prepared = await self.preparer.prepare(asked, principal, request_id)
        self.resolver.persist(asked, principal)
        kind = prepared.kind
        record.kind = kind.value
        record.name(prepared.name)
        if kind is OperationType.SUBSCRIPTION:
            raise HttpError(
                405, "Send a subscription to /graphql/stream: it is answered by server-sent events.", allow="POST"
            )
        if kind is OperationType.MUTATION and request.method == "GET":
            raise HttpError(405, f"A {kind.value} can't be sent by {request.method}.", allow="POST")
        if request.headers.get("x-cost-only") == "1":
            return json_response({"data": None, "extensions": {"cost": self._cost(prepared, charge)}}, media)
        trace = Trace() if request.headers.get("x-explain") == "1" and EXPLAIN in principal.permissions else None
        # What a command's payload reads is on the primary.
        # So is the log of commits, up to where it is complete.
        follows = kind is OperationType.QUERY and reads_feed(prepared.document, asked.operation)
        after = EVERYTHING if follows or kind is OperationType.MUTATION else position(request.headers.get(HEADER))
        reader = self.database.query_reader(principal.tenant, principal.partner, after)
        reader.alone = charge.alone
        context = RequestContext(principal, reader, self.graph.nodes, request_id, trace, self.database)
        context.meter = Meter(self.settings.limit_answer, self.settings.limit_cost)
        context.rolled = self.usual.rolled(principal)
        context.post = self.posting
        running = await slot.acquire(writes=kind is OperationType.MUTATION)
        try:
            await self.budgets.reserve(charge, prepared.price, keep=kind is OperationType.MUTATION)
            record.executed, record.price = True, prepared.price
            try:
                if follows:
                    await context.settle()
                result = await self._execute(request, prepared, context)
            finally:
                charge.spent.objects = context.meter.points
                self._release(context)
        finally:
            running.release()
        return await self._answer(request, prepared, result, context, charge, media, record)

    async def _execute(self, request: Request, prepared: Prepared, context: RequestContext) -> Any:
        if prepared.kind is OperationType.QUERY:
            async with RequestDeadline(request, self.settings.limit_seconds):
                result = await self._run(prepared, context)
                if context.reader.lost_standby:
                    await context.renew()
                    context.meter = Meter(self.settings.limit_answer, self.settings.limit_cost)
                    result = await self._run(prepared, context)
                return result
        # A command is carried out and its answer stored, whoever waits for it; each has a deadline of its own.
        context.until = monotonic() + self.settings.limit_seconds
        return await self._run(prepared, context)

    async def _run(self, prepared: Prepared, context: RequestContext) -> Any:
        asked = prepared.asked
        return await self.graph.execute_document(
            prepared.document,
            asked.variables,
            context=context,
            operation=asked.operation,
            propagate=asked.propagates,
            helps=reads_schema(context.principal, self.settings),
        )

    def _cost(self, prepared: Prepared, charge: Charge, **more: int) -> dict[str, int]:
        """``extensions.cost``."""
        cost = {"requested": prepared.price, "limit": self.settings.limit_cost, **more}
        return cost | self.budgets.report(charge)

    async def _answer(
        self,
        request: Request,
        prepared: Prepared,
        result: Any,
        context: RequestContext,
        charge: Charge,
        media: str,
        record: RequestRecord,
    ) -> Response:
        """The answer to an operation that was executed, or refused when its variables were read."""
        errors = corrected(formatted(result.errors or (), context.request_id), context.done, self.graph.nodes)
        # Without data nothing was executed: a variable that doesn't fit is such a refusal.
        if result.data is None and not any(error.path for error in result.errors or ()):
            record.executed = False
            record.note(errors)
            return rejected(self.preparer.visible_errors(errors, prepared.asked, context.principal), media)
        status = 200 if context.done else status_of(errors, result.data)
        start = perf_counter()
        try:
            data = await written(result.data, context.meter)
        except AnswerTooLarge as error:
            refusals = [entry(error) | {"path": [place]} for place in context.done] or [entry(error)]
            errors, data = [*errors, *corrected(refusals, context.done, self.graph.nodes)], b"null"
        record.note(errors)
        charge.carried_out = not errors
        charge.spent.bytes = len(data)
        charge.settle()
        points = context.meter.points
        cost = self._cost(prepared, charge, actual=points, charged=charge.paid)
        cost["requested"] = max(cost["requested"], points)
        extensions: dict[str, Any] = {"cost": cost}
        if prepared.deprecated:
            extensions["deprecations"] = prepared.deprecated
        if context.commit is not None:
            extensions["changes"] = {"cursor": str(Cursor(context.commit))}
        if context.trace is not None:
            extensions["plan"] = explained(context.trace, perf_counter() - start, len(data))
        headers = {"x-request-id": context.request_id}
        if prepared.kind is OperationType.MUTATION:
            headers |= await written_at(self.database)
        if request.method == "GET" and status == 200 and context.trace is None:
            known = request.headers.get("if-none-match", "")
            return await conditional_response(errors, data, extensions, media, headers, known)
        content = composed(errors, data, extensions)
        return written_response(content, media, status, headers | TRY_AGAIN if status == 503 else headers)

    def _release(self, context: RequestContext) -> None:
        """End a request's snapshot beside the sending of its answer, which needn't wait for it, and let go of what was read. Nor does
        the connection wait for a client that reads slowly."""
        closing = asyncio.create_task(context.end())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def wants_page(request: Request) -> bool:
    """Whether a browser asks for the explorer."""
    asks = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return asks and "query" not in parameters(request)


def explained(trace: Trace, seconds: float, size: int) -> dict[str, Any]:
    """``extensions.plan``: what ran, and what writing the answer as JSON took."""
    plan = trace.report()
    plan["totals"] |= {"serialisationMilliseconds": round(seconds * 1000, 3), "bytes": size}
    return plan
