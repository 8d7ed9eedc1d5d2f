"""The fair store: whoever keeps what, it stays within its bytes, and nobody loses what others flood it with."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.fair_store import FairStore


def test_what_is_kept_is_found_and_the_oldest_goes_first() -> None:
    store: FairStore[str, str] = FairStore(1_000)
    for key in "abcd":
        store.put("me", key, key.upper(), 50)
    assert [store.get(key) for key in "abcd"] == ["A", "B", "C", "D"]
    assert store.get("a") == "A"
    store.put("me", "e", "E", 50)
    assert [store.get(key) for key in "abcde"] == ["A", None, "C", "D", "E"]
    assert (len(store), store.size) == (4, 200)
    assert sorted(store) == ["A", "C", "D", "E"]


def test_the_same_key_again_replaces_what_it_had() -> None:
    store: FairStore[str, int] = FairStore(1_000)
    store.put("me", "a", 1, 50)
    store.put("you", "a", 2, 70)
    assert (store.get("a"), store.size, len(store)) == (2, 70, 1)
    store.drop("a")
    store.drop("a")
    assert (store.get("a"), store.size, len(store)) == (None, 0, 0)


def test_what_is_more_than_a_share_is_not_kept() -> None:
    store: FairStore[str, int] = FairStore(1_000)
    store.put("me", "a", 1, 200)
    store.put("me", "b", 1, 201)
    assert (store.get("a"), store.get("b")) == (1, None)
    nothing: FairStore[str, int] = FairStore(1_000, 0)
    nothing.put("me", "a", 1, 1)
    assert len(nothing) == 0


def test_where_all_are_full_the_largest_gives_way() -> None:
    store: FairStore[Any, int] = FairStore(1_000)
    for owner in range(5):
        for number in range(4):
            store.put(owner, (owner, number), number, 50)
    store.put("small", "small", 1, 50)
    assert store.size == 1_000
    assert store.get("small") == 1
    store.put("small", "second", 1, 50)
    assert (store.get("small"), store.get("second")) == (1, 1)


OPERATIONS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 40), st.integers(1, 250), st.sampled_from(["put", "get", "drop"])),
    max_size=200,
)


@given(OPERATIONS, st.sampled_from([None, 20]))
def test_it_is_never_fuller_than_it_may_be(operations: list[tuple[int, int, int, str]], entries: int | None) -> None:
    store: FairStore[tuple[int, int], int] = FairStore(1_000, entries)
    known: dict[tuple[int, int], int] = {}
    for owner, name, size, what in operations:
        key = (owner, name)
        if what == "put":
            store.put(owner, key, size, size)
            known[key] = size
        elif what == "drop":
            store.drop(key)
            known.pop(key, None)
        else:
            assert store.get(key) in (None, known.get(key))
        sizes: dict[int, list[int]] = {}
        for key_ in known:
            found = store._kept.get(key_)
            if found is not None:
                sizes.setdefault(key_[0], []).append(found[2])
        assert store.size == sum(map(sum, sizes.values())) <= 1_000
        assert all(sum(each) <= 200 for each in sizes.values())
        if entries is not None:
            assert len(store) <= entries
            assert all(len(each) <= entries // 5 for each in sizes.values())


class Value:
    """What says how many of its kind there are."""

    alive = 0

    def __init__(self) -> None:
        Value.alive += 1

    def __del__(self) -> None:
        Value.alive -= 1


async def test_what_a_large_value_takes_the_place_of_is_freed_one_by_one() -> None:
    """A plan of 2,000 fields took the place of many, and to free those held the loop for 20 ms."""
    store: FairStore[int, Value] = FairStore(50)
    for number in range(10):
        store.put("a", number, Value(), 1)
    store.put("a", 10, Value(), 10)
    assert (len(store), store.size) == (1, 10)
    for left in range(9, 0, -1):
        assert Value.alive == 1 + left
        await asyncio.sleep(0)
    assert Value.alive == 1


def test_without_a_loop_it_is_freed_at_once() -> None:
    store: FairStore[int, Value] = FairStore(50)
    for number in range(10):
        store.put("a", number, Value(), 1)
    store.put("a", 10, Value(), 10)
    assert Value.alive == 1
