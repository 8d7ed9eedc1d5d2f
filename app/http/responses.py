"""From a result to an HTTP answer: media types, statuses, bodies."""

import asyncio
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson
from starlette.responses import Response

from app.errors.formatting import entry
from app.errors.http_errors import HttpError
from app.http.head import MAX_READ
from app.http.negotiation import GRAPHQL_JSON, JSON
from app.serialisation import composed
from core.errors import ErpError, Forbidden, TenantFrozen, Timeout, Unauthenticated, Unavailable

TRY_AGAIN = {"retry-after": "2"}
VARY = "accept-encoding"
"""Responses vary by Accept-Encoding because they may be compressed."""

ASK_AGAIN = {"cache-control": "private, no-cache", "vary": "authorization, accept, accept-encoding"}
"""For what a client may keep, and has to ask about each time: it is one key's, so no cache may hand it to others."""

LARGE = 1_048_576
"""Bytes of which the tag is a thread's work, beside other requests: a megabyte takes up to two milliseconds."""


def json_response(
    body: Mapping[str, Any], media: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON response."""
    return written_response(orjson.dumps(body), media, status, headers)


def written_response(content: bytes, media: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A response of JSON that was written already."""
    return Response(content, status, {"vary": VARY, **(headers or {})}, f"{media}; charset=utf-8")


async def conditional_response(
    errors: list[dict[str, Any]],
    data: bytes,
    extensions: Mapping[str, Any],
    media: str,
    headers: Mapping[str, str],
    known: str,
) -> Response:
    """The answer to a query by GET, which its client may keep: 304 where it is what the client has.

    ``known`` is the header If-None-Match. The tag is of data and errors alone, and so a weak one: what the
    answer cost changes each time.
    """
    parts = (media.encode(), orjson.dumps(errors), data)
    tag = await asyncio.to_thread(etag, *parts) if len(data) > LARGE else etag(*parts)
    headers = {**headers, **ASK_AGAIN, "etag": tag}
    if etag_matches(known, tag):
        return Response(None, 304, headers)
    return Response(composed(errors, data, extensions), 200, headers, f"{media}; charset=utf-8")


def etag(*parts: bytes) -> str:
    """The tag of a content and what it depends on, as ETag has it."""
    digest = sha256()
    for part in parts:
        digest.update(part)
    return f'W/"{digest.hexdigest()[:32]}"'


def etag_matches(known: str, tag: str) -> bool:
    """Whether a header If-None-Match has the tag."""
    tags = {each.strip().removeprefix("W/") for each in known[:MAX_READ].split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags


def rejected(errors: list[dict[str, Any]], media: str) -> Response:
    """The answer to a GraphQL request of which nothing was executed: 400, or 200 for clients that asked for plain JSON.

    So the audits of GraphQL over HTTP want it; the newest draft's 422 fails them.
    """
    return json_response({"errors": errors}, media, 400 if media == GRAPHQL_JSON else 200)


def refusal(error: ErpError, media: str | None, headers: Mapping[str, str]) -> Response:
    """The answer to a request that never came to be a GraphQL request, or to be executed."""
    status, more = 400, {}
    match error:
        case HttpError():
            status, more = error.status, error.headers
        case Unauthenticated():
            status, more = 401, {"www-authenticate": "Bearer"}
        case Forbidden():
            status = 403
        case Unavailable():
            status, more = 503, {"retry-after": str(error.seconds)}
        case Timeout():
            status, more = 503, TRY_AGAIN
    return json_response({"errors": [entry(error)]}, media or JSON, status, {**headers, **more})


def status_of(errors: Iterable[Mapping[str, Any]], data: Mapping[str, Any] | None) -> int:
    """503 where the database was away for the whole answer, or the tenant frozen, so that proxies and clients try again."""
    away = any(error["extensions"]["code"] in {Unavailable.code, TenantFrozen.code} for error in errors)
    return 503 if away and not any((data or {}).values()) else 200
