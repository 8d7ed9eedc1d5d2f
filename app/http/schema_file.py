"""The schema as a file in GraphQL's schema language, for clients that may read it by introspection, too."""

import asyncio
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from app.auth.authenticator import Authenticator
from app.documents.preparation import check_reader
from app.errors.http_errors import Throttled
from app.http.compression import squeezed
from app.http.negotiation import JSON, takes_gzip
from app.http.responses import ASK_AGAIN, etag, etag_matches, refusal
from app.registry import Graph
from app.settings import Settings
from app.telemetry.record import RequestRecord
from app.throttling.budgets import REFUSAL_TAKES, Budgets
from core.errors import ErpError

MEDIA = "application/graphql; charset=utf-8"


class SchemaFile:
    """``/graphql/schema.graphql``: the running schema, with the modules that are installed."""

    def __init__(self, graph: Graph, authenticator: Authenticator, budgets: Budgets, settings: Settings) -> None:
        self.graph = graph
        self.authenticator = authenticator
        self.budgets = budgets
        self.settings = settings

    async def get(self, request: Request, record: RequestRecord) -> Response:
        """The file, or 304 for clients that have it."""
        request_id = record.request_id
        authorization = request.headers.get("authorization")
        try:
            with record:
                principal = await self.authenticator.authenticate(authorization, record.address, request_id)
                record.principal = principal
                record.charge = charge = await self.budgets.admit(principal)
                try:
                    await charge.keep_pace()
                    check_reader(principal, self.settings, request_id)
                    answer = self._answer(request, request_id)
                    charge.spent.bytes, charge.carried_out = len(answer.body), True
                finally:
                    charge.end()
        except ErpError as error:
            if isinstance(error, Throttled):
                await asyncio.sleep(REFUSAL_TAKES)
            return refusal(error, JSON, {"x-request-id": request_id})
        return answer

    def _answer(self, request: Request, request_id: str) -> Response:
        headers = {**ASK_AGAIN, "etag": self._tag, "x-request-id": request_id}
        if etag_matches(request.headers.get("if-none-match", ""), self._tag):
            return Response(None, 304, headers)
        if takes_gzip(",".join(request.headers.getlist("accept-encoding"))):
            return Response(self._squeezed, headers=headers | {"content-encoding": "gzip"}, media_type=MEDIA)
        return Response(self._content, headers=headers, media_type=MEDIA)

    @cached_property
    def _content(self) -> bytes:
        """About 10 ms of work, once."""
        return self.graph.as_str().encode() + b"\n"

    @cached_property
    def _squeezed(self) -> bytes:
        """The same, compressed, once: each time anew it held the loop for 3 ms."""
        return squeezed(self._content)

    @cached_property
    def _tag(self) -> str:
        return etag(self._content)
