"""Errors as clients see them: a message, a stable code, a path; a fault is masked and logged."""

import re
from collections.abc import Iterable
from typing import Any

import structlog
from graphql import FieldNode, GraphQLError, GraphQLSyntaxError, SourceLocation, get_location

from core.errors import ErpError
from execution import node_at, variable_at

log = structlog.get_logger()

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
INTERNAL = "INTERNAL_SERVER_ERROR"

_PYTHON = re.compile(r"(?<!['\"\w])(None|True|False)(?!['\"\w])")
_COMMENT = re.compile("#[^\n]*")
_TOO_EARLY = "Syntax Error: The document ends too early: a brace, bracket or parenthesis that it opens isn't closed."
_NOTHING = "Syntax Error: There is no operation in this document: it begins with {, query or mutation."
Located = dict[int, SourceLocation]
"""Line and column of what begins at a character of the document: to count the lines again for each of 300 errors took 10 ms."""

_JSON = {"None": "null", "True": "true", "False": "false"}


def formatted(errors: Iterable[GraphQLError], request_id: str, code: str = BAD_USER_INPUT) -> list[dict[str, Any]]:
    """The entries of ``errors``. ``code`` is for those that graphql-core itself raised."""
    located: Located = {}
    return [_one(error, request_id, code, located) for error in errors]


def entry(error: ErpError) -> dict[str, Any]:
    """The entry of an error that has no place in the query, such as a missing key."""
    return {"message": error.message, "extensions": {"code": error.code, **error.facts}}


def _one(error: GraphQLError, request_id: str, code: str, located: Located) -> dict[str, Any]:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    locations = error.locations
    if isinstance(cause, ErpError):
        extensions: dict[str, Any] = {"code": cause.code}
        if cause.path:
            extensions["argumentPath"] = list(cause.path)
            locations = _of_argument(error, cause.path, located) or locations
            variable = _of_variable(error, cause.path)
            if variable is not None:
                extensions["variablePath"] = list(variable)
        message = cause.message
    elif isinstance(cause, GraphQLError):
        extensions = {
            "code": PARSE_FAILED if isinstance(cause, GraphQLSyntaxError) else code,
            **(cause.extensions or {}),
        }
        # graphql-core writes the caller's values as Python does.
        message = _PYTHON.sub(lambda found: _JSON[found[0]], error.message)
        if isinstance(cause, GraphQLSyntaxError) and message.endswith("<EOF>."):
            message = _TOO_EARLY if cause.source and "{" in _COMMENT.sub("", cause.source.body) else _NOTHING
    else:
        log.error("fault", request_id=request_id, path=error.path, exc_info=cause)
        extensions = {"code": INTERNAL, "requestId": request_id}
        message = "Something went wrong on the server. It was logged under the request's id."
    entry: dict[str, Any] = {"message": message}
    if locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in locations]
    if error.path is not None:
        entry["path"] = error.path
    entry["extensions"] = extensions
    return entry


def _of_argument(error: GraphQLError, path: tuple[str | int, ...], located: Located) -> list[SourceLocation] | None:
    """Where the document has the value at this path of the field's arguments, or the variable that it comes from."""
    for node in error.nodes or ():
        found = node_at(node, path) if isinstance(node, FieldNode) else None
        if found is not None and found.loc is not None:
            place = located.get(found.loc.start)
            if place is None:
                place = located[found.loc.start] = get_location(found.loc.source, found.loc.start)
            return [place]
    return None


def _of_variable(error: GraphQLError, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """The path within the variables to this value of the field's arguments, where it is one of theirs."""
    nodes = (node for node in error.nodes or () if isinstance(node, FieldNode))
    return next((found for node in nodes if (found := variable_at(node, path)) is not None), None)
