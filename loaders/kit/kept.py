"""Whether sums of a list come from cells that are kept, and if not what these lack: told by names alone, before anything is checked
(``loaders.kit.rollups`` decides it for good). A price follows from it, and what a refusal says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from execution.fields import Kept
from loaders.kit.grouping import upper
from loaders.kit.many import Many
from loaders.kit.measures import Distinct
from loaders.kit.rollups import NEVER, Rollup


@dataclass(frozen=True)
class KeptOf:
    """Stands for how many rows and cells sums of a table read, by the kinds of its rollups; and for the time zone of their days. No
    tuple: that would be the same as another with a table in it.
    """

    table: str


ZONE = "zone"
_COMBINED = frozenset({"and", "or", "not"})

_NEITHER = NEVER | {"min", "max", "age"}
"""What no cell has."""

VARIABLE = "arguments that are variables"
"""Stands for ``$``: what a variable names isn't known below a field."""


def kept(relation: type[Many]) -> Kept:
    """How many rows sums of a list read where they come from cells, and what cells lack where they don't."""
    of_table = KeptOf(relation.entity.model.__tablename__)

    def rows(
        usual: Mapping[Any, Any], of: Mapping[str, Any], by: Mapping[str, Any], names: frozenset[str]
    ) -> int | None:
        known = usual.get(of_table)
        if known is None:
            return None
        asked = names.union(_texts(by))
        for each in relation.rollups:
            if next(_lacking(each, relation, of, by, asked, known[ZONE]), None) is None:
                return known.get(each.kind)  # type: ignore[no-any-return]  # numbers, by the kinds
        return None

    def lacking(
        usual: Mapping[Any, Any], of: Mapping[str, Any], by: Mapping[str, Any], names: frozenset[str]
    ) -> list[str]:
        known = usual.get(of_table)
        if known is None:
            return []
        asked = names.union(_texts(by))
        found = [[*dict.fromkeys(_lacking(each, relation, of, by, asked, known[ZONE]))] for each in relation.rollups]
        return min(found, key=len, default=[])

    return Kept(rows, lacking)


def _lacking(
    rollup: Rollup, relation: type[Many], of: Mapping[str, Any], by: Mapping[str, Any], names: frozenset[str], zone: str
) -> Iterator[str]:
    """What cells lack of all that is named. ``of`` are the arguments of the list, ``by`` those of what sums it up."""
    lines, cells = relation.entity, rollup.relation.entity
    if of.get("search") is not None:
        yield "search"
    measures = names & lines.measures.keys()
    ranked = {name for name in lines.dimensions.ranked if upper(name) in names}
    yield from sorted((measures | ranked) - cells.measures.keys())
    yield from sorted(names & _NEITHER)
    if "$" in names:
        yield VARIABLE
    if "by" not in by:
        # Of groups each has its own, of a whole list the cells count an order again in each.
        yield from sorted(name for name in measures if isinstance(lines.measures[name], Distinct))
    yield from sorted((names & lines.dimensions.values.keys()) - cells.dimensions.values.keys())
    if by.get("timeZone") not in (None, zone):
        yield "timeZone"
    yield from _banded(by.get("by"), lines.dimensions.bands)
    yield from _unknown(cells.filters, of.get("where") or {}, cells.dimensions.moment)


def _banded(by: Any, bands: Iterable[str]) -> Iterator[str]:
    for each in by if isinstance(by, list) else [by]:
        if isinstance(each, Mapping):
            yield from sorted(each.keys() & {*bands})


def _texts(given: Any) -> Iterator[str]:
    """All texts in a value, with the names of its parts."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        for name, each in given.items():
            yield from (str(name), *_texts(each))
    elif isinstance(given, list):
        for each in given:
            yield from _texts(each)


def _unknown(
    known: Mapping[str, Any], where: Any, moment: tuple[str, ...], path: str = "where", *, apart: bool = False
) -> Iterator[str]:
    """What a filter names that cells can't be filtered by. ``apart``: not every row has to meet it."""
    if not isinstance(where, Mapping):
        yield path
        return
    for name, each in where.items():
        if each is None:
            continue
        place = f"{path}.{name}"
        if name in _COMBINED:
            for part in each if isinstance(each, list) else [each]:
                yield from _unknown(known, part, moment, path, apart=apart or name != "and")
        elif name not in known or (apart and (name,) == moment):
            yield place
        elif (name,) == moment[:1] and len(moment) > 1:
            yield from _unknown(known[name].filters, each, moment[1:], place, apart=apart)
