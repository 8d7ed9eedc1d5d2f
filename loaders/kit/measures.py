"""What rows add up to. A measure is declared once, with its entity, and is worked out in two steps: a statement brings its
parts for *cells*, rows that have a parent and all units in common, and the cells of a list are then put together here.

A number that has a unit is never added to one of another: amounts come as a list by currency, quantities as a list by unit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Text, case, cast, func

from core.money import OTHER_DIGITS, SCALE, USUAL_DIGITS, price_texts, total_texts
from db.base import Amount
from loaders.kit.statements import constant

Cells = Sequence[Mapping[str, Any]]
Functions = frozenset[str]
Read = Callable[[Sequence[Cells]], list[Any]]
"""What each of some lists' cells come to. Of all lists together, a column at a time: lists are many, and most have one cell."""

EXACT = Context(prec=150, rounding=ROUND_HALF_UP)
"""More digits than any sum here has, of billions of products of numbers of twenty digits: nothing is rounded twice."""

ALL: Functions = frozenset({"count", "sum", "avg", "min", "max"})
_PLAIN = ("sum", "min", "max")
"""Functions that the database works out for each cell."""

_COUNTED = frozenset({"count", "avg"})
"""Functions for which numbers are counted."""

_SIX = Decimal(1).scaleb(-SCALE)


class Join(NamedTuple):
    """A table to one, by an alias: what it tells of each row. ``on`` names the tenant as well."""

    table: Any
    on: Any


@dataclass(frozen=True, eq=False)
class Unit:
    """What numbers are counted in: a currency, a unit of measure."""

    name: str
    by: Any
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, eq=False)
class Measure:
    """How many rows there are, all or those that meet the condition ``by``.

    ``units``: of each it is worked out by itself. ``joins``: the tables that it needs besides. ``permission``: what one
    needs to see it.
    """

    by: Any = None
    units: tuple[Unit, ...] = ()
    joins: tuple[Join, ...] = ()
    permission: str | None = None

    @property
    def tables(self) -> tuple[Join, ...]:
        """All that must be joined for it."""
        return (*self.joins, *(join for unit in self.units for join in unit.joins))

    def parts(self, _functions: Functions) -> dict[str, ColumnElement[Any]]:
        """The columns of a cell that it is put together from, by the function that they are of."""
        counted = func.count()
        return {"count": counted if self.by is None else counted.filter(self.by)}

    def leaves(self, function: str, column: Any) -> Any:
        """A part in the form in which it leaves the database."""
        return cast(column, BigInteger) if function == "count" else column

    def reader(self, name: str, _functions: Functions = ALL) -> Read:
        """What tells what it comes to in lists of cells, in its final form: made once for all of them."""
        column = f"{name}_count"
        return lambda lists: [_sum(cells, column) for cells in lists]


class Distinct(Measure):
    """How many different values of ``by`` the rows have; a null is none. Exact, and so not the sum of the cells': it is
    counted for each list, and stands in each of its cells.
    """

    def parts(self, _functions: Functions) -> dict[str, ColumnElement[Any]]:
        return {}

    def reader(self, name: str, _functions: Functions = ALL) -> Read:
        return lambda lists: [cells[0][name] or 0 if cells else 0 for cells in lists]


class Counted(Distinct):
    """As many as cells say, of values that no two cells have: ``by`` is their number."""


class Span(Measure):
    """The first and the last of points in time, and how many rows have one."""

    def parts(self, _functions: Functions) -> dict[str, ColumnElement[Any]]:
        return {"count": func.count(self.by), "min": func.min(self.by), "max": func.max(self.by)}

    def reader(self, name: str, _functions: Functions = ALL) -> Read:
        def value(cells: Cells) -> Any:
            ends = {each: [cell[f"{name}_{each}"] for cell in cells] for each in ("min", "max")}
            found: dict[str, list[Any]] = {each: [at for at in ends[each] if at is not None] for each in ends}
            return {
                "count": _sum(cells, f"{name}_count"),
                "min": min(found["min"], default=None),
                "max": max(found["max"], default=None),
            }

        return lambda lists: [value(cells) for cells in lists]


@dataclass(frozen=True, eq=False)
class Sums(Measure):
    """Numbers, by their units: sum, mean, least and largest. ``amount``: they are money, with exactly their currency's
    digits (``total``) or at most six. ``weight``: the mean is that of numbers which count as often as this says.
    """

    amount: bool = False
    total: bool = False
    weight: Any = None
    weighted: Any = None
    """The number times its weight, where that can be said more exactly than by the number."""
    rows: Any = None

    def parts(self, functions: Functions) -> dict[str, ColumnElement[Any]]:
        summed = self.by if self.weight is None else self.by * self.weight if self.weighted is None else self.weighted
        possible = {"sum": func.sum(summed), "min": func.min(self.by), "max": func.max(self.by)}
        wanted = functions | ({"sum"} if "avg" in functions else set())
        found: dict[str, Any] = {name: each for name, each in possible.items() if name in wanted}
        if self.weight is not None:
            return found | {"weight": func.sum(self.weight)}
        return found | ({"count": func.count()} if functions & _COUNTED else {})

    def leaves(self, function: str, column: Any) -> Any:
        return cast(column, BigInteger if function == "count" else Text)

    def reader(self, name: str, functions: Functions = ALL) -> Read:
        units = [f"unit_{unit.name}" for unit in self.units]

        def apart(cells: Cells) -> list[Cells]:
            """The cells of each unit. A period that has no row has no unit either."""
            if len(cells) == 1:
                return [cells] if cells[0][units[0]] is not None else []
            found: dict[tuple[str, ...], list[Any]] = {}
            for cell in cells:
                found.setdefault(tuple([cell[unit] for unit in units]), []).append(cell)
            return [found[each] for each in sorted(each for each in found if None not in each)]

        def values(lists: Sequence[Cells]) -> list[Any]:
            first = units[0]
            if all(len(cells) == 1 and cells[0][first] is not None for cells in lists):
                return [[made] for made in self._objects(lists, name, functions)]
            cut = [apart(cells) for cells in lists]
            made = iter(self._objects([cells for each in cut for cells in each], name, functions))
            return [list(islice(made, len(each))) for each in cut]

        return values

    def _objects(self, each: Sequence[Cells], name: str, functions: Functions) -> list[dict[str, Any]]:
        """An object for the cells of each unit, with what is asked for."""
        columns: dict[str, Sequence[Any]] = {
            unit.name: [cells[0][f"unit_{unit.name}"] for cells in each] for unit in self.units
        }
        [units, *_] = columns.values()
        if self.weight is None and functions & _COUNTED:
            columns["count"] = [_sum(cells, f"{name}_count") for cells in each]
        for function in _PLAIN:
            if function in functions:
                columns[function] = self._written(_folded(each, f"{name}_{function}", function), function, units)
        if "avg" in functions:
            weights = columns.get("count") or _folded(each, f"{name}_weight", "weight")
            sums = _folded(each, f"{name}_sum", "sum")
            columns["avg"] = self._written(list(map(_mean, sums, weights)), "avg", units)
        names = [*columns]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def _written(self, texts: list[str | None], function: str, units: Sequence[str]) -> list[Any]:
        """Numbers in their final form; amounts with their currency."""
        if not self.amount:
            return [text.rstrip("0").rstrip(".") if text and "." in text else text for text in texts]
        forms = total_texts if self.total and function != "avg" else price_texts
        found = forms([text and _with_six(text) for text in texts], units)
        return [None if text is None else (text, unit) for text, unit in zip(found, units, strict=True)]


class SumsOfCells(Sums):
    """Sums of numbers of which each row is the sum of ``rows`` others. It has no least and no largest."""

    def parts(self, functions: Functions) -> dict[str, ColumnElement[Any]]:
        found: dict[str, Any] = {"sum": func.sum(self.by)} if functions & {"sum", "avg"} else {}
        if self.weight is not None:
            return found | {"weight": func.sum(self.weight)}
        return found | ({"count": func.sum(self.rows)} if functions & _COUNTED else {})


class RowsOfCells(Measure):
    """How many rows there are, each of which stands for so many (``by``)."""

    def parts(self, _functions: Functions) -> dict[str, ColumnElement[Any]]:
        return {"count": func.coalesce(func.sum(self.by), constant(0))}


def _with_six(text: str) -> str:
    """A number with six decimals, as sums of stored amounts have them anyway."""
    return text if text[-SCALE - 1 : -SCALE] == "." else f"{EXACT.quantize(Decimal(text), _SIX):f}"


def _mean(whole: str | None, weight: int | str | None) -> str | None:
    """A sum divided by how many it is of, or by their weight; None where there is nothing to divide, or to divide by."""
    divisor = Decimal(weight or 0)
    return f"{EXACT.quantize(EXACT.divide(Decimal(whole), divisor), _SIX):f}" if whole and divisor else None


def _folded(each: Sequence[Cells], name: str, function: str) -> list[str | None]:
    """What the cells of each come to; of one it is its own text, and no number is made of it. None where they have none."""
    if len(each) == sum(map(len, each)):  # none is without
        return [cell[name] for [cell] in each]
    return [cells[0][name] if len(cells) == 1 else _fold(cells, name, function) for cells in each]


def _fold(cells: Cells, name: str, function: str) -> str | None:
    numbers = [Decimal(cell[name]) for cell in cells if cell[name] is not None]
    return f"{_FOLDS[function](numbers):f}" if numbers else None


def _added(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for each in numbers:
        total = EXACT.add(total, each)
    return total


_FOLDS: dict[str, Callable[[list[Decimal]], Decimal]] = {
    "sum": _added,
    "min": min,
    "max": max,
    "weight": _added,
}


def _sum(cells: Cells, name: str) -> int:
    return int(cells[0][name]) if len(cells) == 1 else sum([cell[name] for cell in cells])


# ---------------------------------------------------------------- how they are declared


def rows(condition: Any = None) -> Measure:
    """How many rows there are, or meet a condition."""
    return Measure(condition)


def distinct(by: Any, permission: str | None = None, *joins: Join) -> Distinct:
    """How many different values rows have."""
    return Distinct(by, permission=permission, joins=joins)


def moments(by: Any) -> Span:
    """The first and the last."""
    return Span(by)


def amounts(by: Any, currency: Unit) -> Sums:
    """Totals, each with exactly its currency's minor digits."""
    return Sums(by, (currency,), amount=True, total=True)


def quantities(by: Any, unit: Unit) -> Sums:
    """Quantities in a unit of measure."""
    return Sums(by, (unit,))


def prices(by: Any, currency: Unit, unit: Unit, quantity: Any, cost: Any = None) -> Sums:
    """Prices of one unit; their mean is weighted by the quantity. ``cost``: what so many cost, where prices are rounded."""
    return Sums(by, (currency, unit), amount=True, weight=quantity, weighted=cost)


def in_minor_units(amount: Any, currency: Any) -> Any:
    """An amount rounded half up, row by row, to its currency's minor digits."""
    groups: dict[int, list[str]] = {}
    for code, digits in OTHER_DIGITS.items():
        groups.setdefault(digits, []).append(code)
    places = case(
        *((currency.in_(map(constant, codes)), constant(digits)) for digits, codes in groups.items()),
        else_=constant(USUAL_DIGITS),
    )
    return func.round(amount, places, type_=Amount())
