"""From the rows of the statement for groups to the groups of each list, the rest of them and the total."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.errors import BadInput
from loaders.kit import dimensions as by_
from loaders.kit import filling
from loaders.kit.aggregates import TURN, Turns, aggregated, functions_of, readers_of
from loaders.kit.grouping import EDGES, REST, SHARE, Grouping, Place
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
        self.beyond = REST in columns or grouping.fill
        self.whole, self.shares = grouping.whole(columns, measures), SHARE in columns
        edges = [EDGES[name] for name in columns if name in EDGES]
        self.keys = [(each.key, by_.key(each, index, edges)) for index, each in enumerate(grouping.by)]
        self.columns = [f"d{index}" for index in range(len(grouping.by))]
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}

    async def groups(self, lists: Mapping[Any, Sequence[Any]], where: Callable[[Any], Place]) -> dict[Any, Any]:
        """The groups of each list, of the rows of the statement that are its. ``where``: what tells where a list's groups stand.

        What measures come to is worked out for all lists together: each has few groups, where lists are many.
        """
        places = [await self._places(rows) for rows in lists.values()]
        shown = [sorted(place for place in each if TOTAL < place <= self.grouping.first) for each in places]
        besides = [TOTAL] * self.whole + [self.grouping.first + 1] * self.beyond
        every = zip(places, shown, strict=True)
        cells = [each.get(place, []) for each, mine in every for place in (*besides, *mine)]
        made = iter(await aggregated(self.readers, cells, self.turns))
        found = {}
        for (key, rows), each, mine in zip(lists.items(), places, shown, strict=True):
            total = next(made) if self.whole else None
            rest = next(made) if self.beyond else None
            nodes = self._nodes(where(key), each, mine, made)
            found[key] = {
                "nodes": nodes,
                "total": total,
                "timeZone": self.grouping.zone,
                **self._beyond(rows, nodes, rest),
            }
            await self.turns.after(len(rows))
        return found

    def _beyond(self, rows: Sequence[Any], nodes: Sequence[Any], rest: Any) -> dict[str, Any]:
        """How many groups there are, and those that aren't shown."""
        if not self.beyond:
            return {}
        count = max([row["groups"] for row in rows if row["groups"] is not None], default=0)
        if self.grouping.fill and count > filling.MOST:
            text = f"More than {filling.MOST:,} groups, filled: take longer periods or fewer days."
            raise BadInput(text, path=("fill",))
        beyond = count - len(nodes)
        return {"groupCount": count, "other": {"groupCount": beyond, "aggregate": rest} if beyond else None}

    async def _places(self, rows: Sequence[Any]) -> Places:
        """The cells of each place. How many different values it has stands in its first."""
        places: dict[int, list[Any]] = {}
        different: dict[int, dict[str, int]] = {}
        for start in range(0, len(rows), TURN + 1):
            portion = rows[start : start + TURN + 1]
            for row in portion:
                if self.apart and row["kind"]:
                    different.setdefault(row["place"], {})[self.apart[row["kind"] - 1]] = row["different"]
                else:
                    places.setdefault(row["place"], []).append(row)
            await self.turns.after(len(portion))
        if self.apart:
            for place, cells in places.items():
                cells[0] = {**cells[0], **dict.fromkeys(self.apart, 0), **different.get(place, {})}
        return places

    def _nodes(self, where: Place, places: Places, shown: Sequence[int], made: Iterator[Any]) -> list[dict[str, Any]]:
        """The groups that are shown, in their order."""
        known, columns, alone = self._known, self.columns, len(self.columns) == 1
        shares = _Shares(self.grouping, self.measures, self.readers, places.get(TOTAL, [])) if self.shares else None
        nodes = []
        for place in shown:
            first = places[place][0]
            values = (first["d0"],) if alone else tuple([first[name] for name in columns])
            key = known.get(values)
            if key is None:
                key = known[values] = {name: read(first) for name, read in self.keys}
            node = {"key": key, "aggregate": next(made), "rank": place, "place": where, "values": values}
            if shares is not None:
                node["share"], node["cumulativeShare"] = shares.of(first)
            nodes.append(node)
        return nodes


class _Shares:
    """What part of the whole list groups have."""

    def __init__(
        self,
        grouping: Grouping,
        measures: Mapping[str, Measure],
        seen: Container[str],
        total: Sequence[Mapping[str, Any]],
    ) -> None:
        """``seen`` are the measures that are asked for; the others are in one unit already."""
        self.name = grouping.shared_by(measures)
        self.whole = Decimal(0)
        self.before = Decimal(0)
        measure = measures[self.name] if self.name else None
        if isinstance(measure, Sums):
            [unit] = measure.units
            wanted = {"currency": grouping.currency, "unit": grouping.unit}[unit.name]
            cells = [cell for cell in total if self.name not in seen or cell[f"unit_{unit.name}"] == wanted]
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
