"""Which of the goods that are reserved for an order leave, and from where."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from core.inventory import Hold, Place

ZERO = Decimal(0)


class Pick(NamedTuple):
    """A quantity of a line to be shipped, from one location or from where it is reserved."""

    line: UUID
    product: UUID
    quantity: Decimal
    location: UUID | None = None


class Picked(NamedTuple):
    """``leaving`` is what leaves. Before that ``freed`` is let go, and ``taken`` reserved in its place, where the caller
    wants goods from a location that has fewer reserved for the line. ``short`` has what isn't there for anybody, by the
    index of the pick.
    """

    leaving: list[Hold]
    freed: list[Hold]
    taken: list[Hold]
    short: dict[int, Decimal]


def pick(wanted: Sequence[Pick], held: Iterable[Hold], places: Iterable[Place]) -> Picked:
    """Choose what leaves of what is ``held``: of each line at least as many as are wanted of it.

    What is wanted from a location is taken first of what is held there for the line, then of what is available there
    (``places``), and as many that are held elsewhere are let go, the last ones first. The rest leaves from where it is held,
    in the order of ``held``.
    """
    left: dict[UUID, list[Hold]] = defaultdict(list)
    for hold in held:
        left[hold.line].append(hold)
    leaving, taken, freed = _Holds(), _Holds(), _Holds()
    owed: list[tuple[int, Pick, Decimal]] = []
    for index, each in sorted(enumerate(wanted), key=lambda entry: entry[1].location is None):
        rest = _take(left[each.line], each, each.quantity, leaving)
        if rest:
            owed.append((index, each, rest))
    there: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    for place in places:
        there[place.product, place.location] += place.available
    for _, each, rest in owed:
        left[each.line].reverse()
        _take(left[each.line], each._replace(location=None), rest, freed)
        left[each.line].reverse()
    for hold in freed.holds():
        there[hold.product, hold.location] += hold.quantity
    short = {}
    for index, each, rest in owed:
        found = ZERO if each.location is None else min(rest, there[each.product, each.location])
        if found and each.location:
            there[each.product, each.location] -= found
            taken.add(each.line, each.product, each.location, found)
            leaving.add(each.line, each.product, each.location, found)
        if rest > found:
            short[index] = rest - found
    return Picked(leaving.holds(), freed.holds(), taken.holds(), short)


def _take(left: list[Hold], each: Pick, wanted: Decimal, into: "_Holds") -> Decimal:
    """Take of what is left for a line, at the pick's location if it has one; what is still wanted is the result."""
    for index, hold in enumerate(left):
        taken = min(wanted, hold.quantity) if each.location in (None, hold.location) else ZERO
        if taken:
            into.add(hold.line, hold.product, hold.location, taken)
            left[index] = hold._replace(quantity=hold.quantity - taken)
            wanted -= taken
    return wanted


class _Holds:
    """Holds that are added up by line and location, in the order in which they came."""

    def __init__(self) -> None:
        self.sums: dict[tuple[UUID, UUID, UUID], Decimal] = {}

    def add(self, line: UUID, product: UUID, location: UUID, quantity: Decimal) -> None:
        key = line, product, location
        self.sums[key] = self.sums.get(key, ZERO) + quantity

    def holds(self) -> list[Hold]:
        return [Hold(*key, quantity) for key, quantity in self.sums.items()]
