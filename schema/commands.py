"""What every mutation has: an input with a key for retries, and a payload with what the caller can mend."""

from enum import Enum
from typing import Any

import strawberry

from execution import BatchField, argument
from loaders.kit.one import One
from resolvers import commands
from schema.fields import batched, fact, guarded
from schema.inputs import input_type
from services.kit.work import C, Service


@strawberry.enum(description="What is wrong with an input: for programs, which shouldn't read messages.")
class ErrorCode(Enum):
    INVALID_INPUT = strawberry.enum_value("INVALID_INPUT", description="A value that can't be used, or not here.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="Nothing that the tenant has goes by this key.")
    DUPLICATE = strawberry.enum_value("DUPLICATE", description="The key is taken by another record.")
    INSUFFICIENT_STOCK = strawberry.enum_value(
        "INSUFFICIENT_STOCK", description="More is wanted than is available, or reserved."
    )
    VERSION_CONFLICT = strawberry.enum_value(
        "VERSION_CONFLICT", description="The record was changed since the version that the caller expected."
    )
    INVALID_TRANSITION = strawberry.enum_value(
        "INVALID_TRANSITION", description="The order's state doesn't allow this action."
    )
    STALE_STOCK = strawberry.enum_value("STALE_STOCK", description="The stock isn't what the caller expected.")
    IDEMPOTENCY_KEY_REUSED = strawberry.enum_value(
        "IDEMPOTENCY_KEY_REUSED", description="The key for retries was used for another input before."
    )


_PATH = 'Leads to the input at fault, indexes as strings: ["input", "lineItems", "2", "quantity"].'


@strawberry.interface(
    description="What the caller can mend. Nothing was changed where a payload has any, and all of them are told at once."
)
class UserError:
    code: ErrorCode = fact("What is wrong, for programs.", "code")
    message: str = fact("What is wrong, for people; in English.", "message")
    path: list[str] | None = fact(_PATH, "path")

    @classmethod
    def resolve_type(cls, row: Any, _info: Any, _type: Any) -> str:
        name: str = row.typename
        return name

    @classmethod
    def is_type_of(cls, row: Any, _info: Any) -> bool:
        """For graphql-core's own executor, which asks the type that was told."""
        return bool(row.typename == cls.__name__)


@strawberry.type(description="A value that can't be used (INVALID_INPUT), or a key that is taken (DUPLICATE).")
class InvalidInputError(UserError):
    pass


@strawberry.type(description="Something that the input names isn't there, or is another tenant's: that is the same.")
class NotFoundError(UserError):
    pass


@strawberry.type(description="Somebody else changed the record since the caller read it.")
class VersionConflictError(UserError):
    current_version: int = fact("The version that the record has now.", "current_version")


@strawberry.type(description="The idempotencyKey belongs to another input, so this one was not carried out.")
class IdempotencyConflictError(UserError):
    pass


ERRORS = (InvalidInputError, NotFoundError, VersionConflictError, IdempotencyConflictError)
"""The types that are reached through the interface only: a module with mutations names them."""


def changed(what: str) -> str:
    """The description of what a payload shows of a command's doing."""
    return f"{what}; null where the command was refused, or with the error DONE_NOT_READ where it was carried out."


def user_errors() -> Any:
    return batched("What the caller can mend; empty where the command was carried out.", commands.user_errors)


def listed(description: str, loader: type[One], key: str) -> Any:
    """What a command made or changed, several of a kind."""
    return batched(description, commands.listed(loader, key), needs=[key], permission=loader.entity.permission)


def mutation(description: str, command: type[C], service: Service[C], permission: str) -> Any:
    """A root field that has a command carried out. Its input is made of the command's fields."""
    text = "What the command is about, and what makes a retry of it safe."
    return BatchField(
        commands.carry_out(command, service),
        arguments=[argument("input", input_type(command), text)],
        **guarded(description, permission),
    )
