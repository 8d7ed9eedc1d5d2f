"""The web application: the graph, its explorer, and what a supervisor asks."""

import asyncio
import gc
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from time import monotonic

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app import logs
from app.gauges import gauges
from app.http.endpoint import GraphQLEndpoint
from app.http.events import EventStreams
from app.http.explorer import Explorer
from app.http.following import Followers
from app.http.front import front
from app.http.health import Health
from app.http.refusals import BURST, LONGEST
from app.http.schema_file import SchemaFile
from app.http.security import HEALTH, BrowserSecurity
from app.http.sockets import Sockets
from app.http.unknown import unknown
from app.live.hub import Hub
from app.registry import build
from app.settings import Settings
from app.telemetry.telemetry import Telemetry
from core.spaced import Spaced
from db.runtime.engine import Database
from execution import Documents, Limits


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


class Application(FastAPI):
    """FastAPI, with a short way to the graph, whose small query its layers and its router took 4 % of the time, and to what
    supervisors ask: to that nobody brings a key that pays for them.
    """

    graphql: ASGIApp
    sockets: ASGIApp
    health: ASGIApp
    unpaid: Spaced
    """Pages, files and what is nowhere: nobody pays for them, so where many are asked for they come one after the other."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] == "/graphql":
            await (self.graphql if scope["type"] == "http" else self.sockets)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in HEALTH and scope["method"] in {"GET", "HEAD"}:
            await self.health(scope, receive, send)
        else:
            if scope["type"] == "http" and not scope["path"].startswith("/graphql/"):
                await asyncio.sleep(self.unpaid.wait(monotonic()))
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, database: Database, demo_keys: Mapping[str, str] | None = None) -> Application:
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
    app.state.resolver, app.state.authenticator = endpoint.resolver, endpoint.authenticator
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

    health = Health(database, lambda: app.state.draining)
    app.unpaid = Spaced(BURST, LONGEST)
    app.health = BrowserSecurity(health, settings, telemetry)
    app.router.routes += [Route(path, health, methods=["GET"]) for path in sorted(HEALTH)]
    app.router.routes.append(Route("/", front(settings)))
    return app
