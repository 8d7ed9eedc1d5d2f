"""Errors for principals that may not read the schema: no name in them that wasn't in the request.

graphql-core's messages help: they name types, the fields that are missing and the names that come near. A guesser
who sends misspelt words learns the schema from them, name by name (docs/security.md, case 36).
"""

import re
from collections.abc import Iterable
from typing import Any

from app.errors.formatting import BAD_USER_INPUT, VALIDATION_FAILED

HIDDEN = "'…'"

_QUOTED = re.compile(r"'[^']*'")
_HINT = re.compile(r" Did you mean [^?]*\?")
_WORD = re.compile(r"\w+")


def redact_names(errors: Iterable[dict[str, Any]], sent: str) -> list[dict[str, Any]]:
    """The errors without names that aren't in what the caller sent."""
    names = set(_WORD.findall(sent))

    def shown(found: re.Match[str]) -> str:
        return found[0] if names.issuperset(_WORD.findall(found[0])) else HIDDEN

    def redacted(error: dict[str, Any]) -> dict[str, Any]:
        if error["extensions"]["code"] not in {VALIDATION_FAILED, BAD_USER_INPUT}:
            return error
        return error | {"message": _QUOTED.sub(shown, _HINT.sub("", error["message"]))}

    return [redacted(error) for error in errors]
