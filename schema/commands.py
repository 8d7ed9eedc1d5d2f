"""What every mutation has: an input with a key for retries, and a payload with the problems that the caller can correct."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from core.modules import declared
from core.problems import (
    DUPLICATE,
    ERROR_CODES,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_INPUT,
    NOT_FOUND,
    VERSION_CONFLICT,
)
from execution import Args, BatchField, ByRows, argument
from loaders.kit.one import One
from resolvers import commands
from schema.fields import batched, fact, guarded
from schema.inputs import input_type, named_enum
from services.kit.command import MAX_LINES
from services.kit.work import C, Service

T = TypeVar("T", bound=type)

ErrorCode = named_enum(
    "ErrorCode",
    ERROR_CODES | {code: text for codes in declared("core", "ERROR_CODES") for code, text in codes.items()},
    "What is wrong with an input, for programs: they should read this, not the message.",
)


def error_type(description: str, *codes: str, record: str | None = None) -> Callable[[T], T]:
    """The type of the entries in ``userErrors`` with these codes, of a kind of ``record`` alone if one is given; ``UserError``
    is its base.
    """

    def decorate(cls: T) -> T:
        commands.declare(cls.__name__, *codes, record=record)
        return strawberry.type(cls, description=description)

    return decorate


_PATH = 'The path to the input at fault, with indexes as strings: ["input", "lineItems", "2", "quantity"].'


@strawberry.interface(
    description="A problem that the caller can correct. A command with problems changes nothing, and reports all of them at once."
)
class UserError:
    code: ErrorCode = fact("What is wrong, for programs.", "code")  # type: ignore[valid-type]  # made of what the modules declare
    message: str = fact("What is wrong, for people; in English.", "message")
    path: list[str] | None = fact(_PATH, "path")

    @classmethod
    def resolve_type(cls, row: Any, _info: Any, _type: Any) -> str:
        name: str = row.typename
        return name

    @classmethod
    def is_type_of(cls, row: Any, _info: Any) -> bool:
        """For graphql-core's own executor, which asks the type that was named."""
        return bool(row.typename == cls.__name__)


@error_type(
    "A value is invalid (INVALID_INPUT), or another record already has the key (DUPLICATE).", INVALID_INPUT, DUPLICATE
)
class InvalidInputError(UserError):
    pass


@error_type(
    "The input names something that doesn't exist, or that belongs to another tenant: the error is the same.", NOT_FOUND
)
class NotFoundError(UserError):
    pass


@error_type("Somebody else changed the record since the caller read it.", VERSION_CONFLICT)
class VersionConflictError(UserError):
    current_version: int = fact("The version that the record has now.", "current_version")


@error_type("The idempotencyKey was used with another input, so this one was not carried out.", IDEMPOTENCY_KEY_REUSED)
class IdempotencyConflictError(UserError):
    pass


ERRORS = (InvalidInputError, NotFoundError, VersionConflictError, IdempotencyConflictError)
"""The types that are reached through the interface only: a module with mutations names them."""


def changed(what: str) -> str:
    """The description of what a payload shows of a command's doing."""
    return f"{what}; null where the command was rejected, or with the error DONE_NOT_READ where it was carried out."


def entries(given: Any) -> int:
    """How many entries the lists of an input have, as far as they are known."""
    found, waiting = 0, [given]
    for each in waiting:
        if isinstance(each, list):
            found += len(each)
        items = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        waiting += [item for item in items if item.__class__ is dict or item.__class__ is list]
    return found


def lines(args: Args, _rows: int) -> int:
    """How many lines a command is about."""
    return min(entries(args.get("input")), 2 * MAX_LINES)


def twice_the_lines(_args: Args, rows: int) -> int:
    """The size of a list that has at most two entries for each line of the command."""
    return 2 * rows


def problems(_args: Args, rows: int) -> int:
    """How many problems a command may have: some of its own, and two for each line."""
    return 10 + 2 * rows


def user_errors() -> Any:
    text = "The problems that the caller can correct; empty where the command was carried out."
    return batched(text, commands.user_errors, size=problems)


def listed(description: str, loader: type[One], key: str) -> Any:
    """What a command created or changed, several of a kind: for each of its lines two at most."""
    resolve = commands.listed(loader, key)
    return batched(description, resolve, needs=[key], permission=loader.entity.permission, size=twice_the_lines)


def mutation(
    description: str,
    command: type[C],
    service: Service[C],
    permission: str | Callable[[Any], str | None],
    besides: ByRows | None = None,
) -> Any:
    """A root field that has a command carried out. Its input is made of the command's fields. Where its ``permission``
    depends on what an input names, the description says so. ``besides``: what it costs by what it reads.
    """
    fixed = permission if isinstance(permission, str) else None
    text = "The command's input, with the idempotencyKey that makes a retry safe."
    return BatchField(
        commands.carry_out(command, service, None if isinstance(permission, str) else permission),
        arguments=[argument("input", input_type(command), text)],
        rows=lines,
        besides=besides,
        **guarded(description, fixed),
    )
