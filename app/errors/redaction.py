"""Errors for principals that may not read the schema: no name in them that wasn't in the request.

graphql-core's messages help: they name types, the fields that are missing and the names that come near. A guesser
who sends misspelt words learns the schema from them, name by name (docs/security.md, case 36).
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson

from app.errors.formatting import BAD_USER_INPUT, VALIDATION_FAILED
from app.http.request import GraphQLRequest

MAX_SEARCHED = 20_000
"""Bytes of variables that are searched for names; those of longer ones are hidden. A megabyte took 110 ms."""

HIDDEN = "'…'"

_QUOTED = re.compile(r"'[^']*'")
_HINT = re.compile(r" Did you mean [^?]*\?")
_WORD = re.compile(r"\w+")


def redact_names(errors: Iterable[dict[str, Any]], asked: GraphQLRequest) -> list[dict[str, Any]]:
    """The errors without names that the caller didn't send."""
    sent = set(_WORD.findall(asked.query))
    if asked.size <= MAX_SEARCHED:
        sent.update(_WORD.findall(orjson.dumps(asked.variables).decode()))

    def shown(found: re.Match[str]) -> str:
        return found[0] if sent.issuperset(_WORD.findall(found[0])) else HIDDEN

    def told(error: dict[str, Any]) -> dict[str, Any]:
        if error["extensions"]["code"] not in {VALIDATION_FAILED, BAD_USER_INPUT}:
            return error
        return error | {"message": _QUOTED.sub(shown, _HINT.sub("", error["message"]))}

    return [told(error) for error in errors]
