"""What is said of a command that was carried out and whose payload could not be read: never "try again"."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.errors.formatting import INTERNAL
from core.errors import AnswerTooLarge, CostLimit, Timeout, Unavailable
from resolvers.commands import Done

DONE_NOT_READ = "DONE_NOT_READ"

MESSAGE = (
    "This was carried out, but what it changed could not be read for the answer. Read it by the ids in extensions.ids;"
    " to send it again would do it again, unless it has an idempotencyKey."
)

_NOT_READ = {Unavailable.code, Timeout.code, AnswerTooLarge.code, CostLimit.code, INTERNAL}
"""Errors that say, or let one think, that nothing came of it. Others, such as FORBIDDEN, are about one field."""


def corrected(
    errors: Iterable[dict[str, Any]], done: Mapping[str, Done], nodes: Mapping[str, type]
) -> list[dict[str, Any]]:
    """The entries of ``errors``, those below a mutation that is ``done`` in their true form."""
    return [_corrected(error, done, nodes) for error in errors]


def _corrected(error: dict[str, Any], done: Mapping[str, Done], nodes: Mapping[str, type]) -> dict[str, Any]:
    [place, *_] = error.get("path") or [None]
    if place not in done or error["extensions"]["code"] not in _NOT_READ:
        return error
    facts = {"code": DONE_NOT_READ, "ids": done[place].ids(nodes)}
    return error | {"message": MESSAGE, "extensions": error["extensions"] | facts}
