"""Rules that speak of rows, or of whole orders."""

from typing import Literal, Self

from pydantic import model_validator

from services.imports.mapping.columns import From
from services.imports.mapping.kinds import Caption, Header, Key, Part, Pattern, Scope

_TESTS = ("prefix", "suffix", "contains", "pattern", "values", "not_values", "empty", "negative", "positive", "zero")


class Condition(Part):
    """What a column's cell must be, in exactly one way."""

    column: Header
    prefix: Header | None = None
    suffix: Header | None = None
    contains: Header | None = None
    pattern: Pattern | None = None
    values: list[str] | None = None
    not_values: list[str] | None = None
    empty: bool | None = None
    negative: Literal[True] | None = None
    positive: Literal[True] | None = None
    zero: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(getattr(self, name) is not None for name in _TESTS) != 1:
            raise ValueError(f"a rule has exactly one of {', '.join(_TESTS[:-1])} and {_TESTS[-1]}")
        return self


class Rule(Condition):
    """A condition, those that must hold as well, and whether it speaks of the row or of the whole order."""

    also: list[Condition] = []
    of: Scope = "row"
    reason: Caption | None = None

    @property
    def conditions(self) -> list[Condition]:
        return [self, *self.also]


class Return(Rule):
    """Rows that are returns: rejected, or booked as returned of the order that they name."""

    then: Literal["reject", "return", "skip"] = "reject"

    @model_validator(mode="after")
    def _booked_by_row(self) -> Self:
        if self.then == "return" and self.of == "order":
            raise ValueError('then = "return" is of rows; status.returned is for whole orders')
        return self


class Service(Rule):
    """Rows that are no goods: shipping, tax, a fee. They become lines of a product for it."""

    sku: Key | None = None
    description: Caption | None = None


class Charge(Part):
    """An amount in a column of its own, such as shipping: it becomes a line of a product for it."""

    column: From
    sku: Key
    description: Caption | None = None
    of: Scope = "order"


Fate = Literal["closed", "confirmed", "draft", "cancelled", "returned", "skip", "reject"]


class Status(Part):
    """What becomes of an order, by the text in a column; of its rows the first that has one counts."""

    column: From
    closed: list[str] = []
    confirmed: list[str] = []
    draft: list[str] = []
    cancelled: list[str] = []
    returned: list[str] = []
    skip: list[str] = []
    reject: list[str] = []
    default: Fate = "reject"

    @model_validator(mode="after")
    def _once(self) -> Self:
        every = [text for fate in _FATES for text in getattr(self, fate)]
        twice = sorted({text for text in every if every.count(text) > 1})
        if twice:
            raise ValueError(f"{', '.join(map(repr, twice))} stands in more than one list")
        return self

    @property
    def confirms(self) -> bool:
        """May an order be confirmed by it?"""
        return bool(self.confirmed) or self.default == "confirmed"

    @property
    def fates(self) -> dict[str, str]:
        """What becomes of an order of each status."""
        return {text: fate for fate in _FATES for text in getattr(self, fate)}


_FATES = ("closed", "confirmed", "draft", "cancelled", "returned", "skip", "reject")
