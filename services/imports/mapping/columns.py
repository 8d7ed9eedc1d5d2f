"""Where a value comes from: a header, several, or a table that says more."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from services.imports.mapping.kinds import DateFormat, Grouping, Header, Part, Pattern, Sign, Thousands

_SOURCES = ("column", "join", "sum", "constant")


class Column(Part):
    """One value of a row. What is left out has no effect.

    Its text comes from exactly one of ``column`` (of several the first that isn't empty), ``join``, ``sum`` (numbers, less
    those of ``minus``) and ``constant``.
    """

    column: list[Header] = []
    join: list[Header] = []
    with_: Annotated[str, Field(alias="with")] = " "
    sum: list[Header] = []
    minus: list[Header] = []
    constant: str | None = None
    pattern: Pattern | None = None
    replace: dict[str, str] = {}
    default: str | None = None
    prefix: str = ""
    suffix: str = ""
    upper: bool = False
    drop_point_zero: bool = False
    drop_leading_zeros: bool = False
    decimal: Literal[".", ","] | None = None
    thousands: Thousands | None = None
    grouping: Grouping | None = None
    ignore: list[Header] | None = None
    sign: Sign | None = None
    divide: PositiveInt | None = None
    formats: Annotated[list[DateFormat], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) not in ([], None)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_SOURCES)}")
        if self.minus and given != ["sum"]:
            raise ValueError("minus goes with sum: the columns of sum less those of minus")
        return self

    @property
    def headers(self) -> list[str]:
        """All headers that it reads."""
        return [*self.column, *self.join, *self.sum, *self.minus]

    @property
    def is_plain(self) -> bool:
        """Is it the text of one column, as it is?"""
        said = self.model_fields_set - {"formats", "decimal", "thousands", "grouping", "ignore", "sign", "divide"}
        return said == {"column"} and len(self.column) == 1


def _short(given: Any) -> Any:
    """A header, or a list of headers, stands for a table that has nothing else."""
    if isinstance(given, Column):
        return given
    if isinstance(given, str) and given:
        return {"column": [given]}
    if isinstance(given, list) and given and all(isinstance(each, str) and each for each in given):
        return {"column": given}
    if isinstance(given, dict):
        one = given.get("column")
        return {**given, "column": [one]} if isinstance(one, str) and one else given
    raise ValueError('give a header, a list of headers, or a table such as { join = ["First", "Last"] }')


From = Annotated[Column, BeforeValidator(_short)]
"""A value's origin, as a mapping writes it."""


class Columns(Part):
    """What the columns of a file mean; each kind of file has its own list."""

    def named(self) -> dict[str, Column]:
        """The mapped columns, by what they mean."""
        return {name: found for name, found in self if isinstance(found, Column)}


class OrderColumns(Columns):
    """Columns of order lines."""

    order: From
    line: From | None = None
    sku: From
    quantity: From
    price: From | None = None
    price_per: From | None = None
    total: From | None = None
    date: From
    time: From | None = None
    description: From | None = None
    unit: From | None = None
    discount: From | None = None
    customer: From | None = None
    customer_name: From | None = None
    email: From | None = None
    country: From | None = None
    currency: From | None = None
    note: From | None = None
    returned: From | None = None
    cancelled: From | None = None
    return_of: From | None = None
    order_discount: From | None = None
    line_check: From | None = None
    order_check: From | None = None

    @model_validator(mode="after")
    def _amount(self) -> Self:
        if (self.price is None) == (self.total is None):
            raise ValueError("give either price (of one unit) or total (of the line)")
        if self.price_per is not None and self.price is None:
            raise ValueError("price_per goes with price")
        return self
