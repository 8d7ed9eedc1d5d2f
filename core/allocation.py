"""Which locations a demand is served from: by a rule, and always all that there is."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import comb
from typing import Any
from uuid import UUID

from core.inventory import Allocation, Demand, Hold, Place, Spot

WHOLE_FIRST, BY_RANK, MOST_FIRST = "WHOLE_FIRST", "BY_RANK", "MOST_FIRST"
DEFAULT = WHOLE_FIRST
"""What a tenant has that has set no rule."""

TRIES = 20_000
"""Products times sets of warehouses that are looked through for the fewest that serve an order, some 5 ms. Beyond them
warehouses are added one by one, each time the one that has most of what is still wanted."""

ZERO = Decimal(0)
UNRANKED = 1 << 31
Amounts = dict[UUID, Decimal]
Merit = tuple[int, int, Decimal, str]


def allocate(
    demands: Sequence[Demand],
    places: Iterable[Place],
    rule: str | None = None,
    kept: Mapping[Spot, Decimal] | None = None,
) -> Allocation:
    """Serve an order's demands in their sequence from the places, each as far as it goes.

    ``rule`` is the order's; without one the tenant's holds, which the places know, or the usual one. Within a warehouse a
    line takes from the location that has most of the product, then by code: so it is split over several only when no
    single one has enough, and the same stock always gives the same answer. Of a tracked product it takes what expires first
    before that, then the oldest lot. What was ``kept`` for them is taken first of all.
    """
    shelves = Shelves(places)
    if not kept:
        return shelves.serve(demands, rule)
    holds, left = shelves.take(demands, kept)
    found = shelves.serve(left, rule)
    sums: dict[tuple[UUID, Spot], Decimal] = defaultdict(Decimal)
    for hold in (*holds, *found.holds):
        sums[hold.line, hold.spot] += hold.quantity
    merged = [Hold(line, spot.product, spot.location, quantity, spot.lot) for (line, spot), quantity in sums.items()]
    return Allocation(merged, found.waiting)


@dataclass(slots=True, eq=False)
class _Shelf:
    """A place, and what is left there. Not a mapping by places: their nine fields were hashed for each look, eight for a line."""

    place: Place
    left: Decimal


class Shelves:
    """Places that several orders are served from, one after the other."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._of: dict[UUID, list[_Shelf]] = defaultdict(list)
        self._rule: str | None = None
        for place in places:
            self._of[place.product].append(_Shelf(place, place.available))
            self._rule = self._rule or place.rule

    def _fitting(self, demand: Demand, key: Callable[[_Shelf], Any]) -> Sequence[_Shelf]:
        """The shelves that a demand may be served from, the least first by this key."""
        found = [shelf for shelf in self._of[demand.product] if demand.fits(shelf.place)]
        return sorted(found, key=key) if len(found) > 1 else found

    def take(self, demands: Sequence[Demand], kept: Mapping[Spot, Decimal]) -> tuple[list[Hold], list[Demand]]:
        """What an order gets of goods that were kept for it, the lot that expires first before others, and what it wants
        besides.
        """
        left, holds, rest = dict(kept), [], []
        for demand in demands:
            wanted = demand.quantity
            for shelf in self._fitting(demand, lambda each: (*each.place.turn, each.place.code)):
                spot = shelf.place.spot
                taken = min(wanted, left.get(spot, ZERO), shelf.left)
                if taken > 0:
                    holds.append(_hold(demand, shelf.place, taken))
                    left[spot] -= taken
                    shelf.left -= taken
                    wanted -= taken
            if wanted:
                rest.append(demand._replace(quantity=wanted))
        return holds, rest

    def serve(self, demands: Sequence[Demand], rule: str | None = None) -> Allocation:
        """What an order gets: see ``allocate``."""
        rule = rule or self._rule or DEFAULT
        preferred = self._fewest(demands) if rule == WHOLE_FIRST else None
        allocation = Allocation([], {})

        def order(shelf: _Shelf) -> tuple[object, ...]:
            place = shelf.place
            first = _rank(place) if rule == BY_RANK else preferred is not None and place.warehouse not in preferred
            return (first, *place.turn, -shelf.left, place.code)

        for demand in demands:
            wanted = demand.quantity
            for shelf in self._fitting(demand, order):
                taken = min(wanted, shelf.left)
                if taken > 0:
                    allocation.holds.append(_hold(demand, shelf.place, taken))
                    shelf.left -= taken
                    wanted -= taken
                if wanted <= 0:
                    break
            if wanted:
                allocation.waiting[demand.line] = wanted
        return allocation

    def _fewest(self, demands: Sequence[Demand]) -> Collection[UUID | None] | None:
        """The warehouses that an order is served from: as few as give it all that there is. None: any will do."""
        wanted: Amounts = defaultdict(Decimal)
        for demand in demands:
            wanted[demand.product] += demand.quantity
        fitting = [
            shelf
            for product in wanted
            for shelf in self._of[product]
            if shelf.left > 0 and demands[0].fits(shelf.place)
        ]
        houses = {shelf.place.warehouse for shelf in fitting}
        if len(houses) < 2:
            return None
        there: dict[UUID | None, Amounts] = {house: defaultdict(Decimal) for house in houses}
        for shelf in fitting:
            there[shelf.place.warehouse][shelf.place.product] += shelf.left
        for product, quantity in wanted.items():
            wanted[product] = min(quantity, sum((there[house][product] for house in houses), ZERO))
        return self._least(wanted, there, fitting)

    def _least(
        self, wanted: Amounts, there: Mapping[UUID | None, Amounts], fitting: Sequence[_Shelf]
    ) -> Collection[UUID | None]:
        """Of the smallest sets of warehouses that have what is wanted the best one."""
        merits = _merits(wanted, fitting)
        houses = sorted(there, key=merits.__getitem__)
        for size in range(1, len(houses)):
            if comb(len(houses), size) * len(wanted) > TRIES:
                return _greedy(wanted, there, houses)
            # The best come first, so the first that serves is the best.
            for chosen in combinations(houses, size):
                if all(sum(there[house][product] for house in chosen) >= least for product, least in wanted.items()):
                    return chosen
        return houses


def _hold(demand: Demand, place: Place, quantity: Decimal) -> Hold:
    return Hold(demand.line, demand.product, place.location, quantity, place.lot)


def _rank(place: Place) -> int:
    return UNRANKED if place.rank is None else place.rank


def _merits(wanted: Amounts, fitting: Sequence[_Shelf]) -> dict[UUID | None, Merit]:
    """What makes a warehouse better than another that serves as well: its rank; that goods of each product come from few
    locations; that these have many; the first of its locations' codes.
    """
    shelves: dict[UUID | None, dict[UUID, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    ranks: dict[UUID | None, int] = {}
    codes: dict[UUID | None, str] = {}
    for shelf in fitting:
        place = shelf.place
        shelves[place.warehouse][place.product].append(shelf.left)
        ranks[place.warehouse] = _rank(place)
        codes[place.warehouse] = min(place.code, codes.get(place.warehouse, place.code))
    merits: dict[UUID | None, Merit] = {}
    for house, products in shelves.items():
        pieces, most = 0, ZERO
        for product, amounts in products.items():
            amounts.sort(reverse=True)
            most += amounts[0]
            owed = wanted[product]
            for amount in amounts:
                if owed <= 0:
                    break
                owed -= amount
                pieces += 1
        merits[house] = (ranks[house], pieces, -most, codes[house])
    return merits


def _greedy(
    wanted: Amounts, there: Mapping[UUID | None, Amounts], houses: Sequence[UUID | None]
) -> Collection[UUID | None]:
    """Few warehouses that have what is wanted, if not always the fewest."""
    owed, chosen = dict(wanted), list[UUID | None]()
    while any(quantity > 0 for quantity in owed.values()):
        rest = [house for house in houses if house not in chosen]
        best = max(
            rest, key=lambda house: sum(min(quantity, there[house][product]) for product, quantity in owed.items())
        )
        chosen.append(best)
        owed = {product: max(ZERO, quantity - there[best][product]) for product, quantity in owed.items()}
    return chosen
