"""The web application: the graph, its explorer, and what a supervisor asks."""

import asyncio
import gc
from collections.abc import Mapping
from contextvars import Context
from dataclasses import fields
from functools import partial

import asyncpg
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app import __version__, logs
from app.gauges import gauges
from app.http.endpoint import GraphQLEndpoint
from app.http.events import EventStreams
from app.http.explorer import Explorer
from app.http.following import Followers
from app.http.front import front
from app.http.schema_file import SchemaFile
from app.http.security import BrowserSecurity
from app.http.sockets import Sockets
from app.http.unknown import unknown
from app.live.hub import Hub
from app.registry import build
from app.settings import Settings
from app.telemetry.telemetry import Telemetry
from core.errors import Unfit
from db.admin.migrate import head, revisions
from db.runtime.engine import Database
from db.runtime.failures import GONE
from db.runtime.sessions import unfit
from db.runtime.spread import Spread
from execution import Documents, Limits

READY_WITHIN = 2.0
"""Seconds after which a database that doesn't answer isn't ready: probes time out about as soon."""


def settle_memory() -> None:
    """Tell the garbage collector what a serving process is like; to be called once it is set up.

    What is there by then (the schema, the models) stays for good and needn't be walked again, and an
    answer's objects go with the request, without cycles: a collection walks tens of thousands of them
    for nothing. With the default thresholds a page of 250 orders was interrupted by full collections of
    40 ms and more; with 50,000 young objects per collection they took a seventh of a nested page's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000, 20, 50)


async def unready(database: Database) -> str:
    """Why the database isn't ready to be served from, in a word; empty where it is."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            seen = await database.look()
            revision = await database.revision()
    except Unfit:
        return "session"
    except (*GONE, asyncpg.PostgresError):  # whatever it refuses for: without it there is no answer
        return "database"
    if seen.fault:
        unfit(seen.fault)
        return "session"
    if seen.standby:
        return "standby"
    if seen.read_only:
        return "read-only"
    return "" if revision == head() or _from_newer(revision) else "migrations"


def _from_newer(revision: str | None) -> bool:
    """Whether a newer program has migrated. This one goes on meanwhile: were it not ready, an upgrade of one server after
    the other would begin with none that serves.
    """
    return revision is not None and revision not in revisions()


class Application(FastAPI):
    """FastAPI, with a short way to the graph: its layers and its router took 4 % of a small query's time."""

    graphql: ASGIApp
    sockets: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] == "/graphql":
            await (self.graphql if scope["type"] == "http" else self.sockets)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, database: Database, demo_keys: Mapping[str, str] | None = None) -> FastAPI:
    """The application over an open database. The explorer fills ``demo_keys`` (tenant to key) in.

    Raises ``ErpError`` for modules that don't fit together.
    """
    logs.configure(settings.log_format, settings.log_level)
    graph = build(settings.modules, breadth_first=settings.executor == "breadth-first")
    limits = Limits(**{each.name: getattr(settings, f"limit_{each.name}") for each in fields(Limits)})
    documents = Documents(graph.graphql_schema, limits=limits)
    app = Application(title="erpgraph", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.graph = graph
    app.state.draining = False
    app.state.telemetry = telemetry = Telemetry(settings)
    explorer = Explorer(demo_keys or {}, settings) if settings.explorer else None
    endpoint = GraphQLEndpoint(graph, documents, database, settings, explorer, telemetry)
    app.state.resolver = endpoint.resolver
    app.state.usual = endpoint.usual
    app.state.posting, app.state.budgets = endpoint.posting, endpoint.budgets
    app.state.hub = hub = Hub(graph, database, settings, endpoint.budgets, endpoint.limits, endpoint.authenticator)
    followers = Followers(endpoint, hub)
    telemetry.look = partial(gauges, database, endpoint, hub)
    app.graphql = BrowserSecurity(endpoint, settings, telemetry)
    app.sockets = BrowserSecurity(Sockets(followers), settings, telemetry)
    schema_file = SchemaFile(graph, endpoint.authenticator, endpoint.budgets, settings)
    app.router.routes.append(Route("/graphql/stream", EventStreams(followers), methods=["POST"]))
    app.router.routes.append(Route("/graphql/schema.graphql", telemetry.route("schema", schema_file.get)))
    app.add_exception_handler(HTTPException, unknown)
    if explorer:
        app.router.routes.append(Route("/explorer/{name}", telemetry.route("file", explorer.file)))
    app.add_middleware(BrowserSecurity, settings=settings, telemetry=telemetry)

    app.router.routes += [*_health(app, database), Route("/", front(settings))]
    return app


def _health(app: FastAPI, database: Database) -> list[Route]:
    """What a supervisor asks."""

    # Not FastAPI's routes: those read every cookie and parameter, for nobody, which took 9 ms of 64 kB of semicolons.
    async def healthz(_: Request) -> JSONResponse:
        """The process lives."""
        return JSONResponse({"status": "ok", "version": __version__})

    looking: asyncio.Task[tuple[str, dict[str, str]]] | None = None

    async def look() -> tuple[str, dict[str, str]]:
        """What a look finds, the same for all who ask meanwhile: each took a connection of those that queries have."""
        nonlocal looking
        if looking is None or looking.done():
            looking = asyncio.create_task(_states(database), context=Context())
        return await asyncio.shield(looking)

    async def readyz(_: Request) -> JSONResponse:
        """The database is reachable, takes writes and guards its rows, its migrations are those that this code knows;
        and the server stays.
        """
        reason, states = ("stopping", {}) if app.state.draining else await look()
        if reason:
            return JSONResponse({"status": "unavailable", "reason": reason}, 503)
        return JSONResponse({"status": "ok"} | ({"databases": states} if states else {}))

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _states(database: Database) -> tuple[str, dict[str, str]]:
    """Why it isn't ready to be served from, and how the other databases are. Of those that are away the rest doesn't notice: it
    goes on being served.
    """
    reason = await unready(database)
    if reason or not isinstance(database, Spread):
        return reason, {}
    found = await asyncio.gather(*(database.state(name, unready) for name in database.others))
    return "", dict(zip(database.others, found, strict=True))
