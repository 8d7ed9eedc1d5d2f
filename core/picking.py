"""Which of the goods that are reserved for an order leave, and from where."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from core.inventory import Hold, Place, Spot

ZERO = Decimal(0)


class Pick(NamedTuple):
    """A quantity of a line to be shipped, from one location and of one lot, or as it is reserved."""

    line: UUID
    product: UUID
    quantity: Decimal
    location: UUID | None = None
    lot: UUID | None = None

    @property
    def says(self) -> bool:
        """Whether it says where from, or of which lot."""
        return self.location is not None or self.lot is not None

    def fits(self, spot: Spot) -> bool:
        return self.product == spot.product and self.location in (None, spot.location) and self.lot in (None, spot.lot)


class Picked(NamedTuple):
    """``leaving`` is what leaves. Before that ``freed`` is let go, and ``taken`` reserved in its place, where the caller
    wants goods from a location, or of a lot, of which fewer are reserved for the line. ``short`` has what isn't there for
    anybody, by the index of the pick.
    """

    leaving: list[Hold]
    freed: list[Hold]
    taken: list[Hold]
    short: dict[int, Decimal]


def pick(wanted: Sequence[Pick], held: Iterable[Hold], places: Iterable[Place]) -> Picked:
    """Choose what leaves of what is ``held``: of each line at least as many as are wanted of it.

    What is wanted from a location or of a lot is taken first of what is held there for the line, then of what is available
    there (``places``: what expires first is taken first), and as many that are held elsewhere are let go, the last ones first. The rest leaves from
    where it is held, in the order of ``held``. Who says more of what they want is served first.
    """
    left: dict[UUID, list[Hold]] = defaultdict(list)
    for hold in held:
        left[hold.line].append(hold)
    leaving, taken, freed = _Holds(), _Holds(), _Holds()
    owed: list[tuple[int, Pick, Decimal]] = []
    for index, each in sorted(enumerate(wanted), key=lambda entry: _unsaid(entry[1])):
        rest = _take(left[each.line], each, each.quantity, leaving)
        if rest:
            owed.append((index, each, rest))
    there: dict[Spot, Decimal] = defaultdict(Decimal)
    for place in sorted(places, key=lambda each: (*each.turn, each.code)):
        there[place.spot] += place.available
    for _, each, rest in owed:
        left[each.line].reverse()
        _take(left[each.line], each._replace(location=None, lot=None), rest, freed)
        left[each.line].reverse()
    for hold in freed.holds():
        there[hold.spot] += hold.quantity
    short = {}
    for index, each, rest in owed:
        lacking = _take_from(there, each, rest, (taken, leaving)) if each.says else rest
        if lacking:
            short[index] = lacking
    return Picked(leaving.holds(), freed.holds(), taken.holds(), short)


def _take_from(there: dict[Spot, Decimal], each: Pick, wanted: Decimal, into: Iterable["_Holds"]) -> Decimal:
    """Take of what is available for anybody, as the pick says; what is still wanted is the result."""
    for spot in filter(each.fits, list(there)):
        taken = min(wanted, there[spot])
        if taken:
            there[spot] -= taken
            wanted -= taken
            for holds in into:
                holds.add(each.line, spot, taken)
    return wanted


def _unsaid(each: Pick) -> int:
    return (each.location is None) + (each.lot is None)


def _take(left: list[Hold], each: Pick, wanted: Decimal, into: "_Holds") -> Decimal:
    """Take of what is left for a line, as the pick says; what is still wanted is the result."""
    for index, hold in enumerate(left):
        taken = min(wanted, hold.quantity) if each.fits(hold.spot) else ZERO
        if taken:
            into.add(hold.line, hold.spot, taken)
            left[index] = hold._replace(quantity=hold.quantity - taken)
            wanted -= taken
    return wanted


class _Holds:
    """Holds that are added up by line and spot, in the order in which they came."""

    def __init__(self) -> None:
        self.sums: dict[tuple[UUID, Spot], Decimal] = {}

    def add(self, line: UUID, spot: Spot, quantity: Decimal) -> None:
        self.sums[line, spot] = self.sums.get((line, spot), ZERO) + quantity

    def holds(self) -> list[Hold]:
        return [Hold(line, spot.product, spot.location, each, spot.lot) for (line, spot), each in self.sums.items()]
