"""A store of things that can be made again: bounded in bytes, and shared fairly by those whom they were made for."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SHARES = 5
"""How many owners can have all that an owner may have; where there are more, the largest gives way."""


class FairStore(Generic[K, V]):
    """Values under their keys, each with an owner (a tenant) and with a size that whoever stores it estimates.

    An owner has a fifth of the store at most: over that it loses what was used longest ago of its own, so that one who
    sends something new with every request can't push out what others use. Where all together have too much, the
    largest owner gives way. What alone is more than a share is not kept.
    """

    def __init__(self, capacity: int, entries: int | None = None) -> None:
        """``capacity`` is in bytes; ``entries`` bounds their number as well."""
        self.capacity = capacity
        self.entries = entries
        self._kept: dict[K, tuple[Hashable, V, int]] = {}
        self._owned: dict[Hashable, OrderedDict[K, None]] = {}
        self._sizes: dict[Hashable, int] = {}
        self.size = 0
        """Bytes of all that is kept."""

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[V]:
        return (value for _, value, _ in self._kept.values())

    def get(self, key: K) -> V | None:
        """What is kept under a key, which is the last to be forgotten now."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._owned[found[0]].move_to_end(key)
        return found[1]

    def put(self, owner: Hashable, key: K, value: V, size: int) -> None:
        """Keep a value, at the cost of what its owner, or else the largest one, used longest ago."""
        self.drop(key)
        if self._over(size, 1):
            return
        gone: list[V] = []
        self._kept[key] = (owner, value, size)
        self._owned.setdefault(owner, OrderedDict())[key] = None
        self._add(owner, size)
        while self._over(self._sizes[owner], len(self._owned[owner])):
            gone.append(self._drop_oldest(owner))
        while self.size > self.capacity or (self.entries is not None and len(self._kept) > self.entries):
            gone.append(self._drop_oldest(max(self._owned, key=self._rank)))
        _let_go(gone)

    def drop(self, key: K) -> None:
        """Forget what is under a key, if something is."""
        owner, _, size = self._kept.pop(key, (None, None, None))
        if size is None:
            return
        del self._owned[owner][key]
        self._add(owner, -size)
        if not self._owned[owner]:
            del self._owned[owner], self._sizes[owner]

    def clear(self) -> None:
        """Forget all."""
        for key in list(self._kept):
            self.drop(key)

    def _add(self, owner: Hashable, size: int) -> None:
        self._sizes[owner] = self._sizes.get(owner, 0) + size
        self.size += size

    def _over(self, size: int, count: int) -> bool:
        """Whether this is more than an owner may have."""
        most = None if self.entries is None else max(1, self.entries // SHARES) if self.entries else 0
        return size > self.capacity // SHARES or (most is not None and count > most)

    def _rank(self, owner: Hashable) -> float:
        """How much of the store an owner has."""
        count = len(self._owned[owner]) / self.entries if self.entries else 0.0
        return max(self._sizes[owner] / self.capacity, count)

    def _drop_oldest(self, owner: Hashable) -> V:
        key = next(iter(self._owned[owner]))
        value = self._kept[key][1]
        self.drop(key)
        return value


def _let_go(values: list[Any]) -> None:
    """Free what was dropped, one in each turn of the loop where there is one: a large plan takes the place of many, and to free those at once
    held the loop for 20 ms.
    """
    if values:
        values.pop()
    if values:
        try:
            asyncio.get_running_loop().call_soon(_let_go, values)
        except RuntimeError:
            values.clear()
