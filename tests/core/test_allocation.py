"""Which goods are held for whom: as many as there are, first come first served, from as few places as possible."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.inventory import Demand, Hold, Place, allocate

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


AMOUNTS = st.decimals(0, 20, places=2)
PLACES = st.lists(
    st.builds(
        Place, st.sampled_from(PRODUCTS), st.uuids(), st.text("AB", max_size=2), st.sampled_from(HOUSES), AMOUNTS
    ),
    max_size=6,
    unique_by=lambda each: each.location,
)
DEMANDS = st.lists(
    st.builds(
        Demand,
        st.uuids(),
        st.sampled_from(PRODUCTS),
        AMOUNTS.filter(bool),
        st.sampled_from([None, *HOUSES]),
    ),
    max_size=6,
    unique_by=lambda each: each.line,
)


@given(DEMANDS, PLACES)
def test_in_general(demands: list[Demand], places: list[Place]) -> None:
    before = [each.available for each in places]
    holds, waiting = allocate(demands, places)
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
    # Who comes first is served as if nobody came after: nothing of it depends on the others.
    if demands:
        first = allocate(demands[:-1], places)
        assert holds[: len(first.holds)] == first.holds
