"""What lists add up to: the types that measures of every entity have, and how an aggregate declares them."""

from typing import Any

import strawberry

from execution import POINT, BatchField
from loaders.kit.entity import Entity
from loaders.kit.measures import Distinct
from resolvers import aggregates, columns
from schema.fields import CURRENCY, NUMBER, batched, computed, fact, guarded
from schema.scalars import CurrencyCode, DateTime, Decimal
from schema.shared import Money

WHOLE = "Sums over the whole list, page or no page. Computed only for what is requested."

UNITS = 5
"""How many currencies, or units of measure, a list is taken to have: more raise the price when they come."""


def counted(entity: Entity[Any], name: str, description: str) -> Any:
    """A measure that is a number of rows, or of different values that they have."""
    return BatchField(columns.stored(name), needs=[name], final=True, **_declared(entity, name, description))


def summed(entity: Entity[Any], name: str, description: str) -> Any:
    """A measure that is a list: for each currency, each unit, or both."""
    size = UNITS ** len(entity.measures[name].units)
    return BatchField(
        columns.stored(name), needs=[name], passes=True, size=size, **_declared(entity, name, description)
    )


def spanned(entity: Entity[Any], name: str, description: str) -> Any:
    """A measure that is the first and the last of points in time."""
    return BatchField(columns.stored(name), needs=[name], passes=True, **_declared(entity, name, description))


def _declared(entity: Entity[Any], name: str, description: str) -> dict[str, Any]:
    """What a measure's field is described with, guarded by, and priced at: a fifth of what reading the rows takes, half of
    it for each table that they are joined with, and all of it once more for a count of different values.
    """
    measure = entity.measures[name]
    tables = len(measure.tables)
    reads = POINT * (1 + tables) if isinstance(measure, Distinct) else POINT // 5 + tables * POINT // 2
    return guarded(description, measure.permission) | {"reads": reads}


def aggregate() -> Any:
    """A connection's aggregate: the rows of the list are read once for all that is asked of it."""
    return batched(WHOLE, aggregates.aggregate, reads=POINT)


def _function(description: str, name: str) -> Any:
    """A function of an amount: money."""
    return BatchField(columns.stored(name), needs=[f"@{name}"], cost=0, description=description)


def _number(description: str, name: str) -> Any:
    return computed(description, columns.stored(name), [f"@{name}"], width=NUMBER)


def _count(description: str) -> Any:
    return computed(description, columns.stored("count"), ["@count"])


_MEAN = "rounded half up to six decimals"


@strawberry.type(description="Sums of quantities of one unit: pieces and kilograms are never added.")
class QuantityAggregate:
    unit: str = fact("The unit of all of these, such as pcs or kg.", "unit")
    count: int = _count("The number of rows with this unit.")
    sum: Decimal = _number("The exact sum of the quantities.", "sum")
    avg: Decimal = _number(f"The mean quantity, {_MEAN}.", "avg")
    min: Decimal = _number("The smallest quantity.", "min")
    max: Decimal = _number("The largest quantity.", "max")


@strawberry.type(description="Sums of amounts of one currency: amounts of different currencies are never added.")
class MoneyAggregate:
    currency: CurrencyCode = fact("The currency of all of these.", "currency", width=CURRENCY)
    count: int = _count("The number of rows with this currency.")
    sum: Money = _function("The exact sum of the amounts.", "sum")
    avg: Money = _function(f"sum / count, {_MEAN}: the mean of the rows, and not of other means.", "avg")
    min: Money = _function("The smallest amount.", "min")
    max: Money = _function("The largest amount.", "max")


@strawberry.type(description="Prices of one currency and one unit of measure.")
class PriceAggregate:
    currency: CurrencyCode = fact("The currency of all of these.", "currency", width=CURRENCY)
    unit: str = fact("The unit that the prices are for.", "unit")
    avg: Money = _function(f"The mean price of a unit, weighted by quantity, {_MEAN}.", "avg")
    min: Money = _function("The lowest price.", "min")
    max: Money = _function("The highest price.", "max")


@strawberry.type(description="The first and the last of points in time.")
class DateTimeAggregate:
    count: int = _count("The number of rows that have a value.")
    min: DateTime | None = computed(
        "The earliest; null where no row has a value.", aggregates.moment("min"), ["@min"], width=22
    )
    max: DateTime | None = computed(
        "The latest; null where no row has a value.", aggregates.moment("max"), ["@max"], width=22
    )
