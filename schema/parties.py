"""Who sells, buys or gets goods, and where."""

from typing import Any

import strawberry

from resolvers import parties as resolvers
from schema.fields import batched, fact

MOST_LINES = 14
"""Lines that an address may have: ten of its street, and one of each other part."""


@strawberry.type(description="A name and an address, as a letter, a parcel or an invoice bears them.")
class Party:
    name: str = fact("The legal name of the company, or the person's name.", "name")
    street: str | None = fact(
        "Street and number, and what else leads there, in as many lines as it takes; null where there is none.",
        "street",
    )
    city: str | None = fact("The town; null where there is none.", "city")
    postcode: str | None = fact("The postal code, as it was given; null where there is none.", "postcode")
    region: str | None = fact("State, province or prefecture; null where there is none.", "region")
    country: str = fact("ISO 3166-1 alpha-2, such as DE; for Kosovo XK.", "country")
    tax_number: str | None = fact(
        "A VAT number with its country's prefix, or another tax registration; null where there is none.", "taxNumber"
    )
    lines: list[str] = batched(
        "The name and the address line by line, in the order that the country's post wants. The country's name isn't among"
        " them: write it below, in the language of where the letter begins.",
        resolvers.lines,
        needs=["name"],
        size=MOST_LINES,
    )


def party(description: str, column: str) -> Any:
    """An address that a row has; null where it has none."""
    return batched(description, resolvers.stored(column), needs=[column])
