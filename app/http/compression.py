"""Compressed answers, for clients that take them.

Level 1 shrinks a large page to an eighth, at 3 ms of processor per megabyte; level 4 to a tenth, at twice the time
(docs/decisions/0006-http.md). Nothing here helps an attacker guess a secret by an answer's size (BREACH): a foreign
page can't send a key, so it can't make a browser ask.
"""

import asyncio
import zlib

from starlette.requests import Request
from starlette.responses import Response

from app.http.negotiation import takes_gzip

WORTH_IT = 1_024
"""Bytes from which on an answer is compressed: a smaller one fits into a packet as it is."""

LEVEL = 1

AT_ONCE = 524_288
"""Bytes that are compressed at once, in about 2 ms. More than that is a thread's work, beside other requests."""


async def compressed(request: Request, answer: Response) -> Response:
    """The answer as the client takes it: compressed by gzip where it may be and is worth it."""
    if len(answer.body) < WORTH_IT or "accept-encoding" not in request.headers or "content-encoding" in answer.headers:
        return answer
    content = bytes(answer.body)
    if takes_gzip(",".join(request.headers.getlist("accept-encoding"))):
        answer.body = squeezed(content) if len(content) <= AT_ONCE else await asyncio.to_thread(squeezed, content)
        answer.headers["content-encoding"] = "gzip"
        answer.headers["content-length"] = str(len(answer.body))
    return answer


def squeezed(content: bytes, level: int = LEVEL) -> bytes:
    """The content in gzip's format, without a time in it: the same content gives the same bytes."""
    return zlib.compress(content, level, wbits=31)
