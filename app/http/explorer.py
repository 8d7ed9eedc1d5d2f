"""The explorer: a page and its files, built from ``explorer/`` and served from this origin alone.

Both are read once, at the start. The files' names hold a hash of what is in them, so browsers keep them
for a year; the page may hold the demo's keys, so nobody keeps it.
"""

import mimetypes
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.http.compression import squeezed
from app.http.negotiation import takes_gzip
from app.http.security import is_loopback, is_this_machine
from app.settings import Settings
from app.telemetry.record import RequestRecord

BUILT = Path(__file__).parents[1] / "static" / "explorer"

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self';"
    " img-src 'self' data:; font-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'"
)
"""Scripts are files of ours. Styles may stand in the page: GraphiQL's dialogs and its editor write them there."""

KEEP = "public, max-age=31536000, immutable"

NO_KEYS = '<script type="application/json" id="demo-keys">{}</script>'
"""Where the page finds the demo's keys: data, which no policy on scripts forbids."""


class File:
    """One built file, compressed when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"

    @cached_property
    def compressed(self) -> bytes:
        return squeezed(self.content, 9)

    def answer(self, request: Request) -> Response:
        headers = {"cache-control": KEEP, "vary": "accept-encoding"}
        if takes_gzip(",".join(request.headers.getlist("accept-encoding"))):
            return Response(self.compressed, headers=headers | {"content-encoding": "gzip"}, media_type=self.media)
        return Response(self.content, headers=headers, media_type=self.media)


class Explorer:
    """``demo_keys`` (tenant to key) are filled in for browsers on this machine, in development only."""

    def __init__(self, demo_keys: Mapping[str, str], settings: Settings) -> None:
        self.demo_keys = dict(demo_keys) if settings.environment == "development" else {}
        self.html = (BUILT / "index.html").read_text(encoding="utf-8")
        self.files = {path.name: File(path) for path in BUILT.iterdir() if path.name != "index.html"}

    def page(self, request: Request) -> Response:
        """The page for a browser."""
        html = self.html
        if self.demo_keys and _is_near(request):
            keys = orjson.dumps(self.demo_keys).decode().replace("<", "\\u003c")
            html = html.replace(NO_KEYS, NO_KEYS.replace("{}", keys))
        headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
        return Response(html, headers=headers, media_type="text/html")

    async def file(self, request: Request, _record: RequestRecord) -> Response:
        """A file of the page, by its name."""
        found = self.files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found.answer(request)


def _is_near(request: Request) -> bool:
    """Whether it comes from this machine, where the person who starts the server sees the keys printed.

    Behind a proxy on the same machine every client seems to: those come by a name of the site's.
    """
    came_from, came_to = request.client, request.headers.get("host", "")
    return came_from is not None and is_loopback(came_from.host) and is_this_machine(came_to)
