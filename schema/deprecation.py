"""How something of the schema is deprecated: with a reason, the day since when, and the day until which it stays.

::

    note: str | None = deprecated(
        column("What the customer wrote.", "note"),
        "Use Order.remarks.",
        since=date(2026, 12, 1),
        remove_after=date(2027, 12, 1),
    )

docs/deprecation.md is the policy.
"""

import re
from datetime import date
from typing import NamedTuple, TypeVar

from strawberry.types.arguments import StrawberryArgument
from strawberry.types.enum import EnumValueDefinition
from strawberry.types.field import StrawberryField

T = TypeVar("T", bound=StrawberryField | StrawberryArgument | EnumValueDefinition)

_DEPRECATION = re.compile(
    r"(?P<reason>.*) Since: (?P<since>\d{4}-\d\d-\d\d)\. Removal: (?P<removal>\d{4}-\d\d-\d\d)\.", re.DOTALL
)


class Deprecation(NamedTuple):
    """Why and since when something is deprecated, and after which day it may be gone; None where that isn't said."""

    reason: str
    since: date | None = None
    removal: date | None = None

    @property
    def is_patient(self) -> bool:
        """Whether those who use it have twelve months."""
        return self.since is not None and self.removal is not None and self.removal >= a_year_after(self.since)


def deprecated(what: T, reason: str, *, since: date, remove_after: date) -> T:
    """A field, an argument, an input's field or an enum's value, deprecated. ``reason`` says what to use instead.

    Raises ``ValueError`` where there are less than twelve months between the two days.
    """
    found = Deprecation(reason, since, remove_after)
    if not found.is_patient:
        raise ValueError(f"What is deprecated on {since} stays until {a_year_after(since)} at least.")
    what.deprecation_reason = f"{reason} Since: {since}. Removal: {remove_after}."
    return what


def read(text: str) -> Deprecation:
    """What the reason of a ``@deprecated`` says."""
    found = _DEPRECATION.fullmatch(text)
    if found is None:
        return Deprecation(text)
    return Deprecation(found["reason"], date.fromisoformat(found["since"]), date.fromisoformat(found["removal"]))


def a_year_after(day: date) -> date:
    """The same day a year later; after 29 February it is 1 March."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)
