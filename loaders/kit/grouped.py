"""From the rows of the statement for groups to the groups of each list, the rest of them and the total."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.errors import BadInput
from loaders.kit import dimensions as by_
from loaders.kit import filling
from loaders.kit.aggregates import TURN, Turns, aggregated, functions_of, readers_of
from loaders.kit.grouping import KEY, Grouping, Place
from loaders.kit.measures import EXACT, Distinct, Measure, Sums

TOTAL, SIX = 0, Decimal("0.000001")
"""The place of the total among those of groups; the least part of a share."""

Places = dict[int, list[Any]]
"""The cells of a list's groups, by their place in the order of groups."""


class Together:
    """Makes the groups of lists. What all lists of a level have in common is made once: so are keys, since each of many products
    has the same months.
    """

    def __init__(self, grouping: Grouping, measures: Mapping[str, Measure], columns: Sequence[str]) -> None:
        self.grouping, self.measures, self.turns = grouping, measures, Turns()
        self.apart = [name for name, measure in measures.items() if isinstance(measure, Distinct)]
        wanted = {name: measure for name, measure in measures.items() if name in columns}
        self.readers = readers_of(wanted, functions_of(columns))
        self.keys = [(each.key, by_.key(each, index)) for index, each in enumerate(grouping.by)]
        self.columns = [f"d{index}" for index in range(len(grouping.by))]
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}

    async def groups(self, lists: Mapping[Any, Sequence[Any]], where: Callable[[Any], Place]) -> dict[Any, Any]:
        """The groups of each list, of the rows of the statement that are its. ``where``: what tells where a list's groups stand.

        What measures come to is worked out for all lists together: each has few groups, where lists are many.
        """
        places = [await self._places(rows) for rows in lists.values()]
        shown = [sorted(place for place in each if TOTAL < place <= self.grouping.first) for each in places]
        beyond = self.grouping.first + 1
        every = zip(places, shown, strict=True)
        cells = [each.get(place, []) for each, mine in every for place in (TOTAL, beyond, *mine)]
        made = iter(await aggregated(self.readers, cells, self.turns))
        found = {}
        for (key, rows), each, mine in zip(lists.items(), places, shown, strict=True):
            found[key] = self._list(where(key), rows, each, mine, [next(made) for _ in range(len(mine) + 2)])
            await self.turns.after(len(rows))
        return found

    def _list(
        self, where: Place, rows: Sequence[Any], places: Places, shown: Sequence[int], sums: Sequence[Any]
    ) -> dict[str, Any]:
        count = max([row["groups"] for row in rows if row["groups"] is not None], default=0)
        if self.grouping.fill and count > filling.MOST:
            text = f"More than {filling.MOST:,} groups, filled: take longer periods or fewer days."
            raise BadInput(text, path=("fill",))
        total, rest, *each = sums
        shares = _Shares(self.grouping, self.measures, places.get(TOTAL, []))
        firsts = ((place, places[place][0]) for place in shown)
        nodes = [self._node(where, *first, sum_, shares) for first, sum_ in zip(firsts, each, strict=True)]
        beyond = count - len(nodes)
        return {
            "nodes": nodes,
            "groupCount": count,
            "other": {"groupCount": beyond, "aggregate": rest} if beyond else None,
            "total": total,
            "timeZone": self.grouping.zone,
        }

    async def _places(self, rows: Sequence[Any]) -> Places:
        """The cells of each place. How many different values it has stands in its first."""
        places: dict[int, list[Any]] = {}
        different: dict[int, dict[str, int]] = {}
        for start in range(0, len(rows), TURN + 1):
            portion = rows[start : start + TURN + 1]
            for row in portion:
                if row["kind"]:
                    different.setdefault(row["place"], {})[self.apart[row["kind"] - 1]] = row["different"]
                else:
                    places.setdefault(row["place"], []).append(row)
            await self.turns.after(len(portion))
        if self.apart:
            for place, cells in places.items():
                cells[0] = {**cells[0], **dict.fromkeys(self.apart, 0), **different.get(place, {})}
        return places

    def _node(
        self, where: Place, place: int, first: Mapping[str, Any], sums: Mapping[str, Any], shares: "_Shares"
    ) -> dict[str, Any]:
        values = tuple([first[name] for name in self.columns])
        key = self._known.get(values)
        if key is None:
            key = self._known[values] = {name: read(first) for name, read in self.keys}
        share, cumulative = shares.of(first)
        return {
            "key": key,
            "aggregate": sums,
            "rank": place,
            "place": Place(where.loader, where.query, where.grouping, (*where.key, *values)),
            "share": share,
            "cumulativeShare": cumulative,
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

    def of(self, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The group's part, and that of all up to it; nulls where there is nothing to share."""
        if self.name is None or not self.whole:
            return None, None
        number = row[f"rank_{self.name}"]
        if number is not None:
            self.before = EXACT.add(self.before, Decimal(number))
        return (None if number is None else self._part(Decimal(number))), self._part(self.before)

    def _part(self, number: Decimal) -> str:
        return f"{EXACT.quantize(EXACT.divide(number, self.whole), SIX).normalize():f}"
