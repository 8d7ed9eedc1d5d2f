"""Who sells, buys or gets goods, and where: an address as a command takes it, and as it is kept."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator

from core import text
from core.addresses import address_country
from services.kit.command import Input, Title

MOST_LINES = 10
"""Lines of a street and what belongs to it."""


def _part(given: str, most: int = text.NAME) -> str | None:
    """A line of an address. Blank, it is as good as none."""
    return text.name(given, most) if given.strip() else None


def _lines(given: str) -> str | None:
    kept = text.caption(given, text.NAME)
    if len(kept.splitlines()) > MOST_LINES:
        raise ValueError(f"At most {MOST_LINES} lines are allowed.")
    return kept or None


Part = Annotated[str, AfterValidator(_part)]
Lines = Annotated[str, AfterValidator(_lines)]


class Party(Input):
    """A name and an address, as a letter, a parcel or an invoice is to bear them. No address is refused for its form: what people
    live at is right."""

    name: Title
    """The legal name of the company, or the person's name; at most 500 characters."""
    street: Lines | None = None
    """Street and number, and what else leads there, in as many lines as it takes; null where there is none."""
    city: Part | None = None
    """The town; null where there is none."""
    postcode: Part | None = None
    """The postal code, as people write it; null where there is none."""
    region: Part | None = None
    """State, province or prefecture; null where there is none."""
    country: Annotated[str, AfterValidator(address_country)]
    """ISO 3166-1 alpha-2, such as DE; for Kosovo XK."""
    tax_number: Annotated[str, AfterValidator(partial(_part, most=text.KEY))] | None = None
    """A VAT number with its country's prefix, or another tax registration; null where there is none."""

    def kept(self) -> dict[str, Any]:
        """What is stored of it: the parts that there are, by the names that the graph gives them."""
        found = self.model_dump(by_alias=True, exclude_none=True)
        return {name: found[name] for name in NAMES if name in found}


def stored(party: Party | None) -> Callable[[str | None], str | None]:
    """What makes a column's address of the one that is there: the same text where it says the same."""
    kept = party and party.kept()

    def merge(there: str | None) -> str | None:
        if kept is None or (there is not None and orjson.loads(there) == kept):
            return None if kept is None else there
        return orjson.dumps(kept).decode()

    return merge


def read(text: str | None) -> dict[str, Any] | None:
    """An address as a column has it."""
    return None if text is None else orjson.loads(text)


NAMES = tuple(field.alias or name for name, field in Party.model_fields.items())
"""The parts, by the names that the graph gives them."""
