"""Identifiers: UUIDv7 inside, a short type prefix and the UUID's hex outside (``ord_0193e0…``)."""

from uuid import UUID

from uuid_utils.compat import uuid7

from core.errors import BadInput

new_id = uuid7
"""A UUIDv7: made in the application, so that an order and its lines go out in one round trip."""

MAX_ID_LENGTH = 64


def encode(prefix: str, value: UUID) -> str:
    """The public form of an id, for example ``encode("ord", …) == "ord_0193e0…"``."""
    return f"{prefix}_{value.hex}"


def parse(text: str) -> tuple[str, UUID]:
    """The prefix and the UUID of a public id.

    Raises ``BadInput`` for text that isn't one, before anything is looked up: a malformed id is
    the caller's mistake, an unknown one is an ordinary "not found".
    """
    prefix, separator, digits = text.rpartition("_") if len(text) <= MAX_ID_LENGTH else ("", "", "")
    # int() takes signs, spaces and underscores; an id has 32 lower-case hex digits and nothing else.
    if separator and prefix and len(digits) == 32 and not set(digits) - set("0123456789abcdef"):
        return prefix, UUID(digits)
    raise BadInput("This is not an id. Ids look like ord_0193e0… and come from the graph.")


def decode(prefix: str, text: str) -> UUID:
    """The UUID of an id that must be of the type with this prefix; ``BadInput`` otherwise."""
    found, value = parse(text)
    if found != prefix:
        raise BadInput(f"This id is of another type: it starts with {found}_, and {prefix}_ is expected.")
    return value
