"""From an HTTP request to a GraphQL request: what the body or the query string may be, and what not."""

from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request

from app.documents.request import GraphQLRequest
from app.errors.http_errors import HttpError

MAX_QUERY_STRING = 8_192
MAX_PARAMETERS = 20

MAX_VALUES = 50_000
MAX_CONTAINERS = 15_000
"""Values of a body's JSON, and lists and objects among them, by the signs that stand before each: 350 kB of empty lists
take 26 ms to parse, these 3. Ten commands of five hundred lines
each have 30,000 and 10,000."""


async def read(request: Request, most: int) -> GraphQLRequest:
    """The GraphQL request of a GET, or of a POST with at most so many bytes. Raises ``HttpError``."""
    if request.method == "GET":
        return checked(_from_query_string(request))
    content_type = request.headers.get("content-type", "")
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() != "application/json" or not _is_utf8(parameters):
        raise HttpError(415, "Send the request as application/json in UTF-8.", accept="application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpError(415, "Compressed requests are not taken.")
    try:
        body = await _body(request, most)
        check_values(body)
        return checked(orjson.loads(body), len(body))
    except orjson.JSONDecodeError as error:
        raise HttpError(
            400, f"The body is not valid JSON: {error.msg}, line {error.lineno} column {error.colno}."
        ) from None


def check_values(body: bytes) -> None:
    """Look at how many values this JSON has, before it is parsed. Raises ``HttpError`` where they are too many."""
    containers = body.count(b"[") + body.count(b"{")
    if containers > MAX_CONTAINERS:
        raise HttpError(400, f"A request may have at most {MAX_CONTAINERS:,} lists and objects.")
    if containers + body.count(b",") > MAX_VALUES:
        raise HttpError(400, f"A request may have at most {MAX_VALUES:,} values.")


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return False
    return True


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than the limit, whatever length was announced."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            chunks.append(chunk)
    except ClientDisconnect:
        raise HttpError(400, "The body ended too early.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(most: int) -> HttpError:
    # The rest of the body is not read, so the connection can't be used again.
    return HttpError(413, f"A request may have at most {most} bytes.", connection="close")


def parameters(request: Request) -> dict[str, Any]:
    """The parameters of the query string. Raises ``HttpError``."""
    query: bytes = request.scope.get("query_string", b"")
    if len(query) > MAX_QUERY_STRING:
        raise HttpError(414, "This query string is too long: send the request as POST.")
    if query.count(b"&") >= MAX_PARAMETERS:
        raise HttpError(400, f"A query string may have at most {MAX_PARAMETERS} parameters.")
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise HttpError(400, "The query string is not valid UTF-8.") from None
    given: dict[str, Any] = dict(pairs)
    if len(given) < len(pairs):
        # Which of them counts would be a guess, and a proxy in front may have guessed otherwise.
        raise HttpError(400, "A query-string parameter was given more than once.")
    return given


def _from_query_string(request: Request) -> Any:
    given = parameters(request)
    for name in ("variables", "extensions"):
        if given.get(name):
            try:
                given[name] = orjson.loads(given[name])
            except orjson.JSONDecodeError as error:
                raise HttpError(400, f"{name} is not valid JSON: {error.msg}.") from None
        else:
            given[name] = None
    return given


def checked(given: Any, size: int = 0) -> GraphQLRequest:
    """The request that this JSON of so many bytes is. Raises ``HttpError``."""
    if isinstance(given, list):
        raise HttpError(400, "Batches are off: send one request at a time.")
    if not isinstance(given, dict):
        raise HttpError(400, "The body must be a JSON object with a query.")
    variables, operation = given.get("variables"), given.get("operationName")
    if not isinstance(variables, dict | None):
        raise HttpError(400, "variables must be an object, or left out.")
    if not isinstance(operation, str | None):
        raise HttpError(400, "operationName must be text, or left out.")
    if not isinstance(given.get("extensions"), dict | None):
        raise HttpError(400, "extensions must be an object, or left out.")
    query, document, hash_ = _document(given)
    propagates = _propagates(given.get("onError"))
    rest = max(0, size - len(query.encode(errors="replace")))
    return GraphQLRequest(query, variables, operation or None, rest, document, propagates, hash_)


def _propagates(given: Any) -> bool:
    """What ``onError`` says, in the words of the draft of error behaviour (docs/decisions/0022-errors.md)."""
    if given not in (None, "PROPAGATE", "NULL"):
        raise HttpError(
            400,
            'onError must be "NULL" (a field that fails is null, its neighbours stand) or "PROPAGATE" (the default:'
            " where the field can't be null, its parent is).",
        )
    return bool(given != "NULL")


def _document(given: dict[str, Any]) -> tuple[str, str, str]:
    """The text, id and hash of a request's document: an id alone, or text or a hash, or both of them."""
    texts = {name: given.get(name) for name in ("query", "documentId", "doc_id")}
    for name, value in texts.items():
        if not isinstance(value, str | None):
            raise HttpError(400, f"{name} must be text.")
    query, *names = (value or "" for value in texts.values())
    document, hash_ = names[0] or names[1], _persisted((given.get("extensions") or {}).get("persistedQuery"))
    if not (query or document or hash_):
        raise HttpError(400, "query must be there, and be text; or documentId, where the server knows the document.")
    if sum(map(bool, (*names, query or hash_))) > 1:
        raise HttpError(400, "Send a document or name it, in one way.")
    return query, document, hash_


def _persisted(given: Any) -> str:
    """The hash in an extension ``persistedQuery``, empty where there is none."""
    if given is None:
        return ""
    if not isinstance(given, dict) or given.get("version") != 1 or not isinstance(given.get("sha256Hash"), str):
        raise HttpError(400, "extensions.persistedQuery must have the version 1 and a sha256Hash.")
    found: str = given["sha256Hash"]
    return found
