"""Commands: what a caller wants done, checked before anything is looked up. Imperative, frozen.

What pydantic refuses becomes problems whose paths are its ``loc``; their words are ours.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from core import ids, text
from core.errors import BadInput
from core.money import KNOWN, LIMIT, SCALE
from core.problems import INVALID_INPUT, CommandRejected, Problem

MAX_LINES = 500
"""Lines of one command. Two hundred times the usual order, and still a transaction of a tenth of a second."""

MOST_SHOWN = 80
"""Characters of a key that a message repeats."""

_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "This must be given.",
    "greater_than": lambda given: f"This must be more than {given['gt']}.",
    "less_than_equal": lambda given: f"This may be at most {given['le']:,}.",
    "greater_than_equal": lambda given: f"This must be at least {given['ge']}.",
    "too_short": lambda _: "At least one is needed.",
    "too_long": lambda given: f"At most {given['max_length']} are allowed.",
    "string_too_long": lambda given: f"This may have at most {given['max_length']} characters.",
    "extra_forbidden": lambda _: "There is no such field.",
    "value_error": lambda given: str(given["error"]),  # of a rule of ours
}


class Input(BaseModel):
    """A part of a command. Fields have the contract's names outside (``unitPrice``), Python's inside.

    Their docstrings are what the graph says of them: its inputs are made of these classes (``schema.inputs``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, use_attribute_docstrings=True)

    one_of: ClassVar[bool] = False
    """Whether exactly one of its fields is given: the graph sees to that."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """What an input says. Raises ``Unreadable`` with every problem of its values."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise Unreadable(error.errors(include_url=False)) from None

    @classmethod
    async def read_in_turns(cls, given: Mapping[str, Any]) -> Self:
        """The same, with turns for others where much of it is bad: to report four bad values in each of 500 lines takes as long as to
        read them, and again as long to put them into words.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            await asyncio.sleep(0)
            found = error.errors(include_url=False)
        await asyncio.sleep(0)
        raise Unreadable(found)


class Unreadable(CommandRejected):
    """An input whose values are partly bad. ``places`` has where, as pydantic names it."""

    def __init__(self, errors: Sequence[Any]) -> None:
        super().__init__(_problem(each) for each in errors)
        self.places = [tuple(each["loc"]) for each in errors]


class Command(Input):
    """Something to do, once. With a key, a repetition gives the first answer again."""

    is_change: ClassVar[bool] = False
    """Whether it changes a record where there is one: a field that is left out then stays as it is, and a default is for
    new records only.
    """

    idempotency_key: "RetryKey | None" = None
    """Chosen by the caller, one for each intent: a retry with the same key and input gets the first answer, and nothing
    happens twice. Kept for 48 hours; at most 255 characters.
    """

    def digest(self) -> bytes:
        """SHA-256 of the command's name and input, but for the key: the same for a retry."""
        given = self.model_dump(mode="json", exclude={"idempotency_key"}, exclude_unset=True)
        return hashlib.sha256(json.dumps([type(self).__name__, given], sort_keys=True).encode()).digest()

    def given(self, field: str) -> bool:
        """Whether the caller gave a field, if only as null: left out means "as it is"."""
        return field in self.model_fields_set


def _problem(error: Any) -> Problem:
    words = _WORDS.get(error["type"])
    if words:
        message = words(error.get("ctx", {}))
    else:
        message = "This can't be null: leave it out instead." if error["input"] is None else "This can't be used here."
    return Problem(INVALID_INPUT, message, ("input", *map(str, error["loc"])))


# ---------------------------------------------------------------- kinds of fields


def _bounded(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > SCALE and number != round(number, SCALE):
        raise ValueError(f"At most {SCALE} decimals are allowed.")
    if abs(number) >= LIMIT:
        raise ValueError("This number is too large: at most 14 digits before the point.")
    return number or abs(number)  # "-0" is 0, and would be shown as it was written where it isn't stored


def _not_zero(number: Decimal) -> Decimal:
    if not number:
        raise ValueError("This must not be zero.")
    return number


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9999, 12, 30)


def _day(given: date) -> date:
    if not FIRST_DAY <= given <= LAST_DAY:
        raise ValueError(f"A day from {FIRST_DAY} to {LAST_DAY} is expected.")
    return given


class Id:
    """Reads an id of the type with a prefix: ``Annotated[UUID, Id("prod")]``."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's own UUID, read by us before."""
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def _read(self, given: Any) -> UUID:
        try:
            return ids.decode(self.prefix, str(given))
        except BadInput as error:
            raise ValueError(error.message) from None


def _currency(code: str) -> str:
    if code not in KNOWN:
        raise ValueError("This is not a currency: give an ISO 4217 code such as EUR.")
    return code


def shown(name: str, key: str) -> str:
    """A key that something was looked for by, cut to a length that a message bears."""
    return f'{name} "{key if len(key) <= MOST_SHOWN else key[:MOST_SHOWN] + "…"}"'


Key = Annotated[str, Field(max_length=text.LOOKUP), AfterValidator(text.composed)]
"""A key to look something up by: taken as it is, in Unicode's form NFC."""
Label = Annotated[str, AfterValidator(text.key)]
"""A key that people type or another system gives, to be stored."""
Title = Annotated[str, AfterValidator(text.name)]
Unit = Annotated[str, AfterValidator(partial(text.key, most=30))]
LongText = Annotated[str, AfterValidator(text.prose)]
Caption = Annotated[str, AfterValidator(text.caption)]
"""A text for people, of several lines. Blank, it is as good as none."""
RetryKey = Annotated[str, AfterValidator(text.retry_key)]
Quantity = Annotated[Decimal, Field(gt=0), AfterValidator(_bounded)]
Difference = Annotated[Decimal, AfterValidator(_not_zero), AfterValidator(_bounded)]
Count = Annotated[Decimal, Field(ge=0), AfterValidator(_bounded)]
Price = Annotated[Decimal, Field(ge=0), AfterValidator(_bounded)]
Day = Annotated[date, AfterValidator(_day)]
Version = Annotated[int, Field(ge=1)]
Currency = Annotated[str, AfterValidator(_currency)]
Command.model_rebuild()


class Change(Command):
    """A command that changes a record, or creates it where there is none."""

    is_change = True

    expected_version: Version | None = None
    """Carry out only if the record still has this version, else VERSION_CONFLICT. Left out: at any version."""


class Ref(Input):
    """Names one record by one of its keys; the contract's @oneOf sees that it is exactly one. ``prefix`` is that of the
    ids of such records.
    """

    one_of = True
    prefix: ClassVar[str]

    def __str__(self) -> str:
        """The key, as a message repeats it: ``sku "A-1"``."""
        name, key = self.only()
        return shown(to_camel(name), ids.encode(self.prefix, key) if isinstance(key, UUID) else key)

    def only(self) -> tuple[str, Any]:
        """The name of the key, and the key."""
        # Not by the model's fields, which pydantic looks up anew: for each line of an order that took three times as long.
        [found] = [each for each in vars(self).items() if each[1] is not None]
        return found


__all__ = [
    "LAST_DAY",
    "MAX_LINES",
    "Caption",
    "Change",
    "Command",
    "Count",
    "Currency",
    "Day",
    "Difference",
    "Id",
    "Input",
    "Key",
    "Label",
    "LongText",
    "Price",
    "Quantity",
    "Ref",
    "Title",
    "Unit",
    "Version",
]
