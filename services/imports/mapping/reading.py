"""How a file is written: its lines, its numbers, its dates, its keys."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from services.imports.mapping.kinds import (
    ISO,
    DateFormat,
    Encoding,
    Grouping,
    Header,
    Keyed,
    Part,
    Sign,
    Thousands,
    Zone,
)
from services.imports.months import MONTHS


class File(Part):
    """How the file is written. A BOM is skipped, and gzip is recognised by its first bytes."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1, pattern=r'^[^"\r\n]$')] = ","
    encoding: Encoding = "utf-8"
    quote: Literal["", '"', "'"] = '"'
    escape: Literal["", "\\"] = ""
    header_row: PositiveInt | None = None
    names: list[Header] = []
    comment: Header | None = None
    short_rows: Literal["reject", "fill"] = "reject"
    guards: bool = True
    fill_down: list[Header] = []
    carry_down: list[Header] = []


class Numbers(Part):
    """How numbers are written. ``ignore`` lists texts around them that mean nothing: € or EUR."""

    decimal: Literal[".", ","] = "."
    thousands: Thousands = ""
    grouping: Grouping = "three"
    ignore: list[Header] = []
    negative: list[Header] = []
    round: bool = False
    discount: Literal["line", "unit", "percent", "fraction"] = "line"
    discount_sign: Sign = "plus"
    order_discount: Literal["amount", "percent", "fraction"] = "amount"
    order_discount_sign: Sign = "plus"
    order_discount_includes_lines: bool = False
    tolerance: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]{1,6})?$")] = "0"

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands can't be the same mark")
        if self.grouping == "lakh" and not self.thousands:
            raise ValueError('grouping = "lakh" needs thousands = ","')
        return self


class Dates(Part):
    """How dates are written, and in which zone those without an offset are.

    ``first_row_only``: later rows of an order may leave the date out.
    """

    formats: Annotated[list[DateFormat], Field(min_length=1)] = [ISO]
    timezone: Zone
    language: Literal[tuple(sorted(MONTHS))] = "en"  # type: ignore[valid-type]  # the table has the languages
    first_row_only: bool = False


class Clean(Part):
    """What makes one key of several spellings: upper case; 17850 for 17850.0; 815 for 000815. And plain text of HTML."""

    upper: list[Keyed] = []
    drop_point_zero: list[Keyed] = []
    drop_leading_zeros: list[Keyed] = []
    html: bool = False
