"""Which goods are held for whom: as many as there are, first come first served, from as few places as the rule says."""

from datetime import date
from decimal import Decimal
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.allocation import BY_RANK, MOST_FIRST, WHOLE_FIRST, Shelves, allocate
from core.inventory import Allocation, Demand, Hold, Place

PRODUCTS = [UUID(int=number) for number in (1, 2)]
HOUSES = [UUID(int=number) for number in (11, 12)]


def place(number: int, available: str, product: UUID = PRODUCTS[0], house: UUID | None = HOUSES[0]) -> Place:
    return Place(product, UUID(int=100 + number), f"L{number}", house, Decimal(available))


def demand(number: int, quantity: str, product: UUID = PRODUCTS[0], house: UUID | None = None) -> Demand:
    return Demand(UUID(int=1_000 + number), product, Decimal(quantity), house)


def taken(holds: list[Hold]) -> list[tuple[int, int, str]]:
    """Line, location and quantity of each."""
    return [(hold.line.int - 1_000, hold.location.int - 100, str(hold.quantity)) for hold in holds]


def test_a_line_takes_from_where_most_is_and_of_equals_from_the_first_by_code() -> None:
    holds, waiting = allocate([demand(1, "2"), demand(2, "3")], [place(3, "4"), place(2, "4"), place(1, "1")])
    assert (taken(holds), waiting) == ([(1, 2, "2"), (2, 3, "3")], {})


def test_a_line_is_split_where_no_place_has_enough() -> None:
    holds, waiting = allocate([demand(1, "6.5")], [place(1, "1"), place(2, "3"), place(3, "2.5")])
    assert (taken(holds), waiting) == ([(1, 2, "3"), (1, 3, "2.5"), (1, 1, "1.0")], {})


def test_who_comes_first_takes_what_there_is_and_the_others_wait() -> None:
    holds, waiting = allocate([demand(1, "2"), demand(2, "2"), demand(3, "1")], [place(1, "3")])
    assert taken(holds) == [(1, 1, "2"), (2, 1, "1")]
    assert {line.int - 1_000: str(lacks) for line, lacks in waiting.items()} == {2: "1", 3: "1"}


def test_a_demand_of_one_warehouse_leaves_the_others_to_others() -> None:
    places = [place(1, "5", house=HOUSES[0]), place(2, "1", house=HOUSES[1]), place(3, "9", house=None)]
    holds, waiting = allocate([demand(1, "2", house=HOUSES[1]), demand(2, "10")], places)
    assert taken(holds) == [(1, 2, "1"), (2, 3, "9"), (2, 1, "1")]
    assert {line.int - 1_000: str(lacks) for line, lacks in waiting.items()} == {1: "1"}


def test_nothing_is_wanted_or_nothing_is_there() -> None:
    assert allocate([], [place(1, "5")]) == ([], {})
    assert allocate([demand(1, "5")], []) == ([], {demand(1, "5").line: Decimal(5)})
    assert allocate([demand(1, "5")], [place(1, "5", product=PRODUCTS[1]), place(2, "0")]).holds == []


def housed(house: int, number: int, available: str, product: UUID = PRODUCTS[0], rank: int | None = None) -> Place:
    """A place in the warehouse of this number."""
    return place(number, available, product, UUID(int=house))._replace(rank=rank)


TWO = [demand(1, "2"), demand(2, "2", PRODUCTS[1])]
SPLIT = [housed(11, 1, "9"), housed(12, 2, "2"), housed(11, 3, "1", PRODUCTS[1]), housed(12, 4, "2", PRODUCTS[1])]


def test_an_order_isnt_split_where_one_warehouse_has_all_of_it() -> None:
    assert taken(allocate(TWO, SPLIT).holds) == [(1, 2, "2"), (2, 4, "2")]
    assert taken(allocate(TWO, SPLIT, MOST_FIRST).holds) == [(1, 1, "2"), (2, 4, "2")]


def test_the_tenants_rule_holds_where_the_order_has_none() -> None:
    ruled = [each._replace(rule=MOST_FIRST) for each in SPLIT]
    assert taken(allocate(TWO, ruled).holds) == [(1, 1, "2"), (2, 4, "2")]
    assert taken(allocate(TWO, ruled, WHOLE_FIRST).holds) == [(1, 2, "2"), (2, 4, "2")]


def test_warehouses_are_taken_in_the_order_of_their_rank() -> None:
    places = [housed(11, 1, "9"), housed(12, 2, "3", rank=2), housed(13, 3, "1", rank=1)]
    assert taken(allocate([demand(1, "5")], places, BY_RANK).holds) == [(1, 3, "1"), (1, 2, "3"), (1, 1, "1")]


def test_of_warehouses_that_have_all_of_it_the_preferred_one_serves() -> None:
    places = [housed(11, 1, "9", rank=2), housed(12, 2, "3", rank=1), housed(13, 3, "4")]
    assert taken(allocate([demand(1, "3")], places).holds) == [(1, 2, "3")]
    assert taken(allocate([demand(1, "4")], places).holds) == [(1, 1, "4")]


def test_what_can_only_be_served_in_part_comes_from_as_few_as_give_as_much() -> None:
    places = [housed(11, 1, "3"), housed(12, 2, "3"), housed(12, 3, "2", PRODUCTS[1])]
    holds, waiting = allocate([demand(1, "3"), demand(2, "5", PRODUCTS[1])], places)
    assert taken(holds) == [(1, 2, "3"), (2, 3, "2")]
    assert {line.int - 1_000: str(lacks) for line, lacks in waiting.items()} == {2: "3"}


def test_many_warehouses_and_lines_are_looked_through_in_bounded_steps() -> None:
    products = [UUID(int=number) for number in range(1, 101)]
    places = [
        Place(product, UUID(int=1_000 * house + product.int), "L", UUID(int=house), Decimal(house % 3))
        for product in products
        for house in range(1, 61)
    ]
    demands = [Demand(UUID(int=9_000 + product.int), product, Decimal(7)) for product in products]
    holds, waiting = allocate(demands, places)
    assert not waiting
    # Four of those with two have seven or more of each.
    houses = {hold.location.int // 1_000 for hold in holds}
    assert len(houses) == 4


AMOUNTS = st.decimals(0, 20, places=2)
PLACES = st.lists(
    st.builds(
        Place,
        st.sampled_from(PRODUCTS),
        st.uuids(),
        st.text("AB", max_size=2),
        st.sampled_from(HOUSES),
        AMOUNTS,
        st.sampled_from([None, 1, 2]),
    ),
    max_size=6,
    unique_by=lambda each: each.location,
)
DEMANDS = st.lists(
    st.builds(Demand, st.uuids(), st.sampled_from(PRODUCTS), AMOUNTS.filter(bool), st.none()),
    max_size=6,
    unique_by=lambda each: each.line,
)
RULES = st.sampled_from([None, WHOLE_FIRST, BY_RANK, MOST_FIRST])


@given(DEMANDS, PLACES, RULES, st.sampled_from([None, *HOUSES]))
def test_in_general(demands: list[Demand], places: list[Place], rule: str | None, house: UUID | None) -> None:
    demands = [each._replace(warehouse=house) for each in demands]
    before = [each.available for each in places]
    holds, waiting = allocate(demands, places, rule)
    assert [each.available for each in places] == before  # they are the caller's
    left = {each.location: each.available for each in places}
    where = {each.location: each for each in places}
    lines = {each.line: each for each in demands}
    for hold in holds:
        left[hold.location] -= hold.quantity
        assert hold.quantity > 0
        assert where[hold.location].product == hold.product == lines[hold.line].product
        assert lines[hold.line].fits(where[hold.location])
    assert all(quantity >= 0 for quantity in left.values())
    for each in demands:
        held = sum((hold.quantity for hold in holds if hold.line == each.line), Decimal())
        assert held + waiting.get(each.line, Decimal()) == each.quantity
    for line, lacks in waiting.items():
        # Whoever waits finds nothing that fits.
        fitting = [spot for spot in places if spot.product == lines[line].product and lines[line].fits(spot)]
        assert lacks > 0
        assert not any(left[spot.location] for spot in fitting)


def served(allocation: Allocation, places: list[Place]) -> set[UUID | None]:
    """The warehouses that goods come from."""
    houses = {each.location: each.warehouse for each in places}
    return {houses[hold.location] for hold in allocation.holds}


@settings(max_examples=60)
@given(DEMANDS, PLACES)
def test_no_fewer_warehouses_would_give_as_much(demands: list[Demand], places: list[Place]) -> None:
    spread = [each._replace(warehouse=UUID(int=11 + index % 3), rank=None) for index, each in enumerate(places)]
    allocation = allocate(demands, spread, WHOLE_FIRST)
    used = served(allocation, spread)
    lacking = sum(allocation.waiting.values(), Decimal())
    for size in range(len(used)):
        for fewer in combinations({each.warehouse for each in spread}, size):
            there = [each for each in spread if each.warehouse in fewer]
            assert sum(allocate(demands, there, MOST_FIRST).waiting.values(), Decimal()) > lacking


@pytest.mark.parametrize("rule", [WHOLE_FIRST, BY_RANK, MOST_FIRST])
@settings(max_examples=30)
@given(DEMANDS, DEMANDS, PLACES)
def test_an_order_is_served_as_if_nobody_came_after(
    rule: str, first: list[Demand], second: list[Demand], places: list[Place]
) -> None:
    shelves = Shelves(places)
    assert shelves.serve(first, rule) == allocate(first, places, rule)
    shelves.serve(second, rule)
    there = sum((each.available for each in places), Decimal())
    left = sum((shelf.left for each in shelves._of.values() for shelf in each), Decimal())
    assert left <= there


# ---------------------------------------------------------------- lots


def lot(number: int, available: str, expires: date | None, shelf: int = 1, house: int = 11) -> Place:
    """Goods of the lot of this number at a shelf."""
    place_ = Place(PRODUCTS[0], UUID(int=100 + shelf), f"L{shelf}", UUID(int=house), Decimal(available))
    return place_._replace(lot=UUID(int=500 + number), expires=expires)


def lots(holds: list[Hold]) -> list[tuple[int, str]]:
    """Lot and quantity of each."""
    return [((hold.lot or UUID(int=500)).int - 500, str(hold.quantity)) for hold in holds]


def test_what_expires_first_goes_first_then_the_oldest_lot_and_what_never_does_last() -> None:
    places = [
        lot(3, "9", None),
        lot(1, "2", date(2027, 1, 5)),
        lot(2, "1", date(2027, 1, 4)),
        lot(4, "1", date(2027, 1, 5)),
    ]
    assert lots(allocate([demand(1, "5")], places, MOST_FIRST).holds) == [(2, "1"), (1, "2"), (4, "1"), (3, "1")]


def test_a_warehouse_that_has_all_of_it_comes_before_the_day() -> None:
    places = [lot(1, "1", date(2027, 1, 1), house=11), lot(2, "2", date(2027, 2, 1), house=12)]
    assert lots(allocate([demand(1, "2")], places, WHOLE_FIRST).holds) == [(2, "2")]
    assert lots(allocate([demand(1, "2")], places, MOST_FIRST).holds) == [(1, "1"), (2, "1")]


def test_what_was_kept_of_a_lot_is_taken_of_it() -> None:
    places = [lot(1, "1", date(2027, 1, 1)), lot(2, "2", date(2027, 2, 1))]
    found = allocate([demand(1, "2")], places, kept={places[1].spot: Decimal(1)})
    assert sorted(lots(found.holds)) == [(1, "1"), (2, "1")]


@pytest.mark.parametrize("turned", [1, -1])
def test_of_the_lots_that_were_kept_the_first_to_expire_goes_first(turned: int) -> None:
    """In whatever order they were found: half of an order once got the wrong lot, one time in hundreds."""
    places = [lot(1, "2", date(2027, 1, 1)), lot(2, "1", date(2027, 2, 1))][::turned]
    kept = {place.spot: place.available for place in places}
    assert lots(allocate([demand(1, "2")], places, kept=kept).holds) == [(1, "2")]


DAYS = st.none() | st.dates(date(2027, 1, 1), date(2027, 1, 4))
LOTS = st.lists(
    st.builds(lot, st.integers(1, 4), st.integers(0, 4).map(str), DAYS, st.integers(1, 3), st.integers(11, 12)),
    max_size=8,
    unique_by=lambda each: each.spot,
)


@settings(deadline=None, max_examples=200)
@given(LOTS, st.lists(st.integers(1, 5), min_size=1, max_size=3), st.sampled_from((WHOLE_FIRST, BY_RANK, MOST_FIRST)))
def test_of_lots_there_is_never_more_and_within_a_warehouse_none_is_passed_over(
    places: list[Place], wanted: list[int], rule: str
) -> None:
    demands = [demand(number, str(quantity)) for number, quantity in enumerate(wanted)]
    holds, waiting = allocate(demands, places, rule)
    left = {place.spot: place.available for place in places}
    for hold in holds:
        left[hold.spot] -= hold.quantity
    assert all(quantity >= 0 for quantity in left.values())
    there, asked = sum((place.available for place in places), Decimal()), sum(map(Decimal, wanted), Decimal())
    assert sum((hold.quantity for hold in holds), Decimal()) == min(there, asked) == asked - sum(waiting.values())
    houses = {place.spot: place.warehouse for place in places}
    days = {place.spot: place.expires or date.max for place in places}
    for hold in holds:
        earlier = [spot for spot in left if houses[spot] == houses[hold.spot] and days[spot] < days[hold.spot]]
        assert all(left[spot] == 0 for spot in earlier)
