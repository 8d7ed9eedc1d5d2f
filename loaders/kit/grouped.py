"""From the rows of the statement for groups to the groups of each list, the rest of them and the total."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.errors import BadInput
from loaders.kit import dimensions as by_
from loaders.kit import filling
from loaders.kit.aggregates import TURN, Turns, functions_of
from loaders.kit.grouping import KEY, Grouping, Place
from loaders.kit.measures import EXACT, Distinct, Measure, Sums

TOTAL, SIX = 0, Decimal("0.000001")
"""The place of the total among those of groups; the least part of a share."""


async def together(
    where: Place, measures: Mapping[str, Measure], columns: Sequence[str], rows: Sequence[Any], turns: Turns
) -> dict[str, Any]:
    """The groups of one list, of the rows of the statement that are its."""
    grouping = where.grouping
    apart = [name for name, measure in measures.items() if isinstance(measure, Distinct)]
    wanted = {name: measure for name, measure in measures.items() if name in columns}
    functions = functions_of(columns)
    readers = [(name, measure.reader(name, functions)) for name, measure in wanted.items()]
    places: dict[int, list[Any]] = {}
    different: dict[int, dict[str, int]] = {}
    for start in range(0, len(rows), TURN + 1):
        portion = rows[start : start + TURN + 1]
        for row in portion:
            if row["kind"]:
                different.setdefault(row["place"], {})[apart[row["kind"] - 1]] = row["different"]
            else:
                places.setdefault(row["place"], []).append(row)
        await turns.after(len(portion))

    def aggregate(place: int) -> dict[str, Any]:
        cells = places.get(place, [])
        if cells and apart:
            cells = [{**cells[0], **dict.fromkeys(apart, 0), **different.get(place, {})}, *cells[1:]]
        return {name: read(cells) for name, read in readers}

    shares = _Shares(grouping, measures, places.get(TOTAL, []))
    names = [f"d{index}" for index in range(len(grouping.by))]
    keys = [(each.key, by_.key(each, index)) for index, each in enumerate(grouping.by)]
    nodes = []
    for place in sorted(each for each in places if TOTAL < each <= grouping.first):
        first = places[place][0]
        key = {name: read(first) for name, read in keys}
        inside = Place(where.loader, where.query, grouping, (*where.key, *[first[name] for name in names]))
        parts_ = {"key": key, "aggregate": aggregate(place), "rank": place, "place": inside}
        parts_ |= shares.of(first)
        nodes.append(parts_)
        await turns.after(len(places[place]) * len(wanted))
    count = max((row["groups"] for row in rows if row["groups"] is not None), default=0)
    if grouping.fill and count > filling.MOST:
        raise BadInput(f"More than {filling.MOST:,} groups, filled: take longer periods or fewer days.", path=("fill",))
    beyond = count - len(nodes)
    other = {"groupCount": beyond, "aggregate": aggregate(grouping.first + 1)} if beyond else None
    return {
        "nodes": nodes,
        "groupCount": count,
        "other": other,
        "total": aggregate(TOTAL),
        "timeZone": grouping.zone,
    }


class _Shares:
    """What part of the whole list groups have, by the first sort that isn't by key; of different values there is none,
    since two groups may have the same."""

    def __init__(self, grouping: Grouping, measures: Mapping[str, Measure], total: Sequence[Mapping[str, Any]]) -> None:
        self.name = next((name for name, _ in grouping.order if name != KEY), None)
        self.whole = Decimal(0)
        self.before = Decimal(0)
        measure = measures[self.name] if self.name else None
        if isinstance(measure, Distinct):
            self.name = None
        elif isinstance(measure, Sums):
            [unit] = measure.units
            wanted = {"currency": grouping.currency, "unit": grouping.unit}[unit.name]
            cells = [cell for cell in total if cell[f"unit_{unit.name}"] == wanted]
            self.whole = sum((Decimal(cell[f"{self.name}_sum"] or 0) for cell in cells), Decimal(0))
        elif self.name:
            self.whole = Decimal(sum(cell[f"{self.name}_count"] for cell in total))

    def of(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        if self.name is None or not self.whole:
            return {"share": None, "cumulativeShare": None}
        number = row[f"rank_{self.name}"]
        if number is not None:
            self.before = EXACT.add(self.before, Decimal(number))
        return {
            "share": None if number is None else self._part(Decimal(number)),
            "cumulativeShare": self._part(self.before),
        }

    def _part(self, number: Decimal) -> str:
        return f"{EXACT.quantize(EXACT.divide(number, self.whole), SIX).normalize():f}"
