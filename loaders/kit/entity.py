"""What the read side knows of a table: its columns in their final form, its filters, its sorts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import asyncpg
from sqlalchemy import ColumnElement, Text, cast, func
from sqlalchemy.orm import InstrumentedAttribute

from db.base import Amount, Base, Quantity
from loaders.kit.dimensions import Dimensions
from loaders.kit.filters import AnyFilter
from loaders.kit.measures import Join, Measure

M = TypeVar("M", bound=Base)

ASC, DESC = "ASC", "DESC"
Order = tuple[tuple[str, str], ...]
"""Names of sorts with their directions, the first counting most."""


class Row(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types
    """A row as it came from the database: a tuple of the columns asked for, by name or position."""

    # A record needs no dictionary of its own.
    __slots__ = ()

    typename: ClassVar[str]


@dataclass(frozen=True)
class Sort:
    """Something a list can be sorted by. ``nullable`` ones sort nulls last, ascending. One without a ``description``
    is no choice of clients: it is some relation's own order. ``joins``: the tables that it is in.
    """

    by: Any
    description: str = ""
    nullable: bool = False
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, eq=False)
class Entity(Generic[M]):
    """A table as the graph reads it.

    ``typename`` is its GraphQL type, ``prefix`` that of its ids, ``permission`` what one needs to see
    its rows. ``columns`` are those that aren't
    simply the model's. ``filters`` and ``sorts`` go by the names that the contract gives them; an
    upper module may add to a lower one's (``entity.filters["available"] = …``), which ``declared`` leaves out.
    ``own`` is the condition on rows that a business partner may see (parameter ``partner``); the database's
    policies say the same.
    ``default`` is the order of a list that asks for none. ``measures`` are what its rows add up to,
    ``dimensions`` what they can be put into groups by.
    """

    model: type[M]
    typename: str
    prefix: str
    permission: str | None = None
    columns: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    filters: dict[str, AnyFilter] = field(default_factory=dict)
    sorts: dict[str, Sort] = field(default_factory=dict)
    default: tuple[tuple[str, str], ...] = ()
    own: Any = None
    search: Any = None
    measures: Mapping[str, Measure] = field(default_factory=dict)
    dimensions: Dimensions = field(default_factory=Dimensions)
    declared: tuple[str, ...] = field(init=False)
    row: type[Row] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", tuple(self.filters))
        object.__setattr__(
            self, "row", type(f"{self.typename}Row", (Row,), {"__slots__": (), "typename": self.typename})
        )

    def column(self, name: str) -> ColumnElement[Any]:
        """A column in the form in which it leaves the database, labelled with its name."""
        special = self.columns.get(name)
        if special is not None:
            return special.label(name)
        attribute: InstrumentedAttribute[Any] = getattr(self.model, name)
        return final(attribute).label(name)


def final(attribute: Any) -> ColumnElement[Any]:
    """Numbers as text: a Decimal object per cell would cost more than the query."""
    if isinstance(attribute.type, Quantity):
        return cast(func.trim_scale(attribute), Text)
    if isinstance(attribute.type, Amount):
        return cast(attribute, Text)
    return attribute  # type: ignore[no-any-return]  # SQLAlchemy's expressions are Any
