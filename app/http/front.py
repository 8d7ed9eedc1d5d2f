"""``/``: what is here, for a person or a program that has nothing but the address."""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from app import __version__
from app.http.negotiation import JSON, preferred
from app.settings import Settings

HTML = "text/html"
TEXT = "text/plain"

TITLE = "An ERP as one GraphQL graph"

MEANINGS = {
    "graphql": "the graph: GET and POST, with the header Authorization: Bearer KEY",
    "explorer": "the same address in a browser: queries, their cost and plan",
    "schema": "every field with its description, for keys that may read it",
    "docs": "where to read on",
    "health": "whether the process runs",
    "readiness": "whether the database answers",
}


def front(settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """The page, as JSON, HTML or plain text. It says what ``/healthz`` does, and addresses that are the same everywhere."""
    links = {"graphql": "/graphql"}
    if settings.explorer:
        links["explorer"] = "/graphql"
    links["schema"] = "/graphql/schema.graphql"
    links["docs"] = links.get("explorer", links["schema"])
    links |= {"health": "/healthz", "readiness": "/readyz"}

    lines = "".join(f"{path}  {MEANINGS[name]}\n" for name, path in links.items())
    rows = "".join(
        f'<dt><a href="{path}">{name}</a></dt><dd>{escape(MEANINGS[name])}</dd>' for name, path in links.items()
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f'<meta name="viewport" content="width=device-width"><title>erpgraph</title>'
        f"<h1>erpgraph {__version__}</h1><p>{TITLE}.</p><dl>{rows}</dl></html>\n"
    )

    async def get(request: Request) -> Response:
        vary = {"vary": "accept"}
        media = preferred(request.headers.get("accept", ""), (JSON, HTML, TEXT))
        if media == HTML:
            return HTMLResponse(page, headers=vary)
        if media == TEXT:
            return PlainTextResponse(f"erpgraph {__version__}: {TITLE}.\n\n{lines}", headers=vary)
        return JSONResponse({"name": "erpgraph", "version": __version__, "links": links}, headers=vary)

    return get
