"""What browsers may do: which names the server goes by, which origins may read, and what every answer forbids.

There are no cookies, and no other credential that a browser sends by itself: a foreign page has nobody's
rights here. What follows keeps it that way, and keeps foreign pages from even trying.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address

import orjson
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors.formatting import entry
from app.errors.http_errors import HttpError
from app.settings import Settings
from app.telemetry.telemetry import Telemetry

CORS_MAX_AGE = 7_200
"""Seconds for which a browser needn't ask again whether it may."""

REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "if-none-match",
    "last-event-id",
    "x-explain",
    "x-cost-only",
    "x-read-after",
)
EXPOSED_HEADERS = ("etag", "retry-after", "x-read-after", "x-request-id")
"""The headers that pages of other origins may send, and those that they may read."""

SAME_SITE = (None, b"same-origin", b"none")
"""Where requests come from that no foreign page made: ours, a person's own, or no browser's."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What goes with every answer that doesn't say otherwise itself."""

HEALTH = frozenset({"/healthz", "/readyz"})
"""What answers anybody, by whatever name: a load balancer knows addresses, and may speak HTTP/1.0 without a Host."""

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


class BrowserSecurity:
    """Refuses names that aren't the server's and foreign pages' queries, lets listed origins in, adds the headers.

    And it makes a GET of every HEAD, whose answer has no body: so both have the same rules.
    """

    def __init__(self, app: ASGIApp, settings: Settings, telemetry: Telemetry | None = None) -> None:
        self.telemetry = telemetry or Telemetry(settings)
        self.hosts = frozenset(settings.allowed_hosts)
        self.domains = tuple(host for host in self.hosts if host.startswith("."))
        self.origins = frozenset(origin.encode() for origin in settings.cors_origins)
        hsts = {"strict-transport-security": f"max-age={settings.hsts_seconds}"} if settings.hsts_seconds else {}
        self.headers = [(name.encode(), value.encode()) for name, value in (HEADERS | hsts).items()]
        self.app = _shared(app, settings.cors_origins) if settings.cors_origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        without_body = scope.get("method") == "HEAD"
        if without_body:
            scope = {**scope, "method": "GET"}

        async def with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                there = {name for name, _ in message["headers"]}
                more = [header for header in self.headers if header[0] not in there]
                message = {**message, "headers": [*message["headers"], *more]}
            elif without_body:
                message = {**message, "body": b""}
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            self.telemetry.refused(refused.status_code, HttpError.code, (scope["client"] or ("",))[0])
        await (self.app if refused is None else refused)(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        """The answer to a request that goes no further."""
        if scope["path"] in HEALTH:
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self.serves(hosts[0].decode("latin-1")):
            return _refusal(400, "This server isn't known by that name; ERPGRAPH_ALLOWED_HOSTS lists its names.")
        if scope["type"] == "websocket":
            return self._foreign(hosts[0], [value for name, value in scope["headers"] if name == b"origin"])
        if scope["method"] == "GET" and scope["query_string"]:
            headers = dict(scope["headers"])
            if headers.get(b"sec-fetch-site") not in SAME_SITE and headers.get(b"origin") not in self.origins:
                return _refusal(403, "Another site's page can't query this server.")
        return None

    def _foreign(self, host: bytes, origins: list[bytes]) -> Response | None:
        """The answer to a page that may not open a WebSocket: browsers ask nobody before they do, and tell whose it is."""
        for origin in origins:
            scheme, _, name = origin.lower().partition(b"://")
            if not (scheme in {b"http", b"https"} and name == host.lower()) and origin not in self.origins:
                return _refusal(
                    403, "Another site's page can't subscribe here; ERPGRAPH_CORS_ORIGINS lists those that may."
                )
        return None

    def serves(self, host: str) -> bool:
        """Whether a Host header is a name of this server, or an address, which no one else's name leads to."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().removesuffix(".")
        return (
            name in self.hosts
            or name == "localhost"
            or f".{name}".endswith((".localhost", *self.domains))
            or "*" in self.hosts
            or _is_address(name)
        )


def is_this_machine(host: str) -> bool:
    """Whether a Host header is a name that only this machine has for itself."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].lower().removesuffix(".").strip("[]")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether it is an address of this machine for itself; junk, as a proxy may hand on, is none."""
    return _is_address(address) and ip_address(address).is_loopback


def _shared(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, for pages of these origins too; never with cookies and the like, which it doesn't use."""
    return CORSMiddleware(
        app, origins, ("GET", "POST"), REQUEST_HEADERS, expose_headers=EXPOSED_HEADERS, max_age=CORS_MAX_AGE
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _refusal(status: int, message: str) -> Response:
    return Response(
        orjson.dumps({"errors": [entry(HttpError(status, message))]}), status, media_type="application/json"
    )
