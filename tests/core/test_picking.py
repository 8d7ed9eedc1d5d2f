"""Which reserved goods leave: as many as are wanted, from where the caller says, and nobody else's."""

from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.inventory import Hold, Place
from core.picking import Pick, pick

LINES = [UUID(int=number) for number in (1, 2)]
PRODUCT = UUID(int=9)
SPOTS = [UUID(int=number) for number in (21, 22, 23)]


def held_at(line: int, spot: int, quantity: str) -> Hold:
    return Hold(LINES[line], PRODUCT, SPOTS[spot], Decimal(quantity))


def want(line: int, quantity: str, spot: int | None = None) -> Pick:
    return Pick(LINES[line], PRODUCT, Decimal(quantity), None if spot is None else SPOTS[spot])


def place(spot: int, available: str) -> Place:
    return Place(PRODUCT, SPOTS[spot], f"L{spot}", None, Decimal(available))


def test_without_a_location_goods_leave_from_where_they_are_held_in_that_order() -> None:
    picked = pick([want(0, "3")], [held_at(0, 1, "2"), held_at(0, 0, "2"), held_at(1, 0, "5")], [])
    assert picked == ([held_at(0, 1, "2"), held_at(0, 0, "1")], [], [], {})


def test_a_location_where_they_are_held_changes_nothing_else() -> None:
    picked = pick([want(0, "1", 0), want(0, "2")], [held_at(0, 1, "2"), held_at(0, 0, "2")], [])
    assert picked == ([held_at(0, 0, "1"), held_at(0, 1, "2")], [], [], {})


def test_what_is_available_at_another_location_leaves_for_what_is_let_go() -> None:
    picked = pick([want(0, "3", 2)], [held_at(0, 0, "2"), held_at(0, 1, "2"), held_at(0, 2, "1")], [place(2, "5")])
    assert picked.leaving == [held_at(0, 2, "3")]
    assert (picked.freed, picked.taken, picked.short) == ([held_at(0, 1, "2")], [held_at(0, 2, "2")], {})


def test_two_lines_may_change_places() -> None:
    picked = pick([want(0, "2", 1), want(1, "2", 0)], [held_at(0, 0, "2"), held_at(1, 1, "2")], [])
    assert picked.leaving == [held_at(0, 1, "2"), held_at(1, 0, "2")] == picked.taken
    assert (picked.freed, picked.short) == ([held_at(0, 0, "2"), held_at(1, 1, "2")], {})


def test_what_others_hold_there_is_short() -> None:
    picked = pick([want(0, "1"), want(0, "2", 2)], [held_at(0, 0, "3")], [place(2, "1.5")])
    assert picked.short == {1: Decimal("0.5")}


QUANTITIES = st.integers(1, 4).map(Decimal)
HELD = st.lists(
    st.builds(Hold, st.sampled_from(LINES), st.just(PRODUCT), st.sampled_from(SPOTS), QUANTITIES),
    max_size=6,
    unique_by=lambda each: (each.line, each.location),
)
PICKS = st.lists(
    st.builds(Pick, st.sampled_from(LINES), st.just(PRODUCT), QUANTITIES, st.sampled_from([None, *SPOTS])), max_size=4
)
FREE = st.lists(st.integers(0, 3), min_size=3, max_size=3)


def fitting(wanted: list[Pick], held: list[Hold]) -> list[Pick]:
    """Those with which no more is wanted of a line than is held for it."""
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for hold in held:
        sums[hold.line] += hold.quantity
    fits = []
    for each in wanted:
        if each.quantity <= sums[each.line]:
            sums[each.line] -= each.quantity
            fits.append(each)
    return fits


@given(PICKS, HELD, FREE)
def test_in_general(wanted: list[Pick], held: list[Hold], free: list[int]) -> None:
    fits = fitting(wanted, held)
    places = [place(spot, str(available)) for spot, available in enumerate(free)]
    leaving, freed, taken, short = pick(fits, held, places)
    if short:
        return
    for line in LINES:
        assert sum(each.quantity for each in leaving if each.line == line) == sum(
            each.quantity for each in fits if each.line == line
        )
    # What is reserved for a line at a place: enough for what leaves.
    kept: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    for holds, sign in ((held, 1), (freed, -1), (taken, 1), (leaving, -1)):
        for hold in holds:
            assert hold.quantity > 0
            kept[hold.line, hold.location] += sign * hold.quantity
    assert all(quantity >= 0 for quantity in kept.values())
    assert sum(each.quantity for each in freed) == sum(each.quantity for each in taken)
    # Nothing is taken that others hold.
    for spot, there in enumerate(free):
        let_go = sum((each.quantity for each in freed if each.location == SPOTS[spot]), Decimal())
        assert sum(each.quantity for each in taken if each.location == SPOTS[spot]) <= there + let_go
    # What is wanted from a place leaves from there.
    for line in LINES:
        for location in SPOTS:
            named = [each.quantity for each in fits if each.line == line and each.location == location]
            left = [each.quantity for each in leaving if each.line == line and each.location == location]
            assert sum(left) >= sum(named)


# ---------------------------------------------------------------- lots

LOTS = [UUID(int=number) for number in (31, 32)]


def of_lot(hold: Hold, lot: int) -> Hold:
    return hold._replace(lot=LOTS[lot])


def test_a_named_lot_leaves_from_where_it_is_held_then_from_what_is_available() -> None:
    held = [of_lot(held_at(0, 0, "2"), 0), of_lot(held_at(0, 0, "1"), 1)]
    there = [place(1, "5")._replace(lot=LOTS[1])]
    picked = pick([want(0, "2")._replace(lot=LOTS[1])], held, there)
    assert picked.leaving == [of_lot(held_at(0, 0, "1"), 1), of_lot(held_at(0, 1, "1"), 1)]
    assert (picked.freed, picked.taken) == ([of_lot(held_at(0, 0, "1"), 0)], [of_lot(held_at(0, 1, "1"), 1)])


def test_a_lot_and_a_location_are_both_meant() -> None:
    held = [of_lot(held_at(0, 0, "1"), 0), of_lot(held_at(0, 1, "1"), 0)]
    picked = pick([want(0, "1", 1)._replace(lot=LOTS[0]), want(0, "1")], held, [])
    assert picked == ([held[1], held[0]], [], [], {})
    assert pick([want(0, "1", 2)._replace(lot=LOTS[1])], held, [place(2, "5")._replace(lot=LOTS[0])]).short == {0: 1}
