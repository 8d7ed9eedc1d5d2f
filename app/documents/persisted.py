"""Documents that clients persist on the way, under their hash: a bounded store, shared fairly."""

import sys
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

SHARES = 5
"""How many owners can have all that an owner may have; where there are more, the largest gives way."""


@dataclass(slots=True)
class _Own:
    """What one owner has, the least recently used first; ``size`` in bytes."""

    texts: OrderedDict[str, str] = field(default_factory=OrderedDict)
    size: int = 0

    def add(self, key: str, text: str) -> None:
        self.texts[key] = text
        self.size += sys.getsizeof(text)

    def drop(self) -> None:
        _, text = self.texts.popitem(last=False)
        self.size -= sys.getsizeof(text)


class Persisted:
    """Texts under their hashes, each owner's (a tenant's) apart: nobody finds what another persisted, and an owner
    over its share loses what it used longest ago itself.
    """

    def __init__(self, capacity: int, most_bytes: int) -> None:
        """``capacity`` texts are kept, of ``most_bytes`` in memory together; an owner has a fifth of both at most.
        Without a capacity nothing is kept.
        """
        self.capacity = capacity
        self.most_bytes = most_bytes
        self._kept: dict[Hashable, _Own] = {}

    @property
    def is_on(self) -> bool:
        return self.capacity > 0

    @property
    def held(self) -> tuple[int, int]:
        """How many texts there are, and their bytes."""
        return sum(len(own.texts) for own in self._kept.values()), sum(own.size for own in self._kept.values())

    def get(self, owner: Hashable, key: str) -> str | None:
        """The text of a hash, where this owner persisted it."""
        own = self._kept.get(owner)
        if own is None or key not in own.texts:
            return None
        own.texts.move_to_end(key)
        return own.texts[key]

    def keep(self, owner: Hashable, key: str, text: str) -> None:
        """Keep a text, at the cost of what the owner, or else who has most, used longest ago."""
        if self.get(owner, key) is not None or not self.is_on or self._share(1, sys.getsizeof(text)) > 1:
            return
        own = self._kept.setdefault(owner, _Own())
        own.add(key, text)
        while self._share(len(own.texts), own.size) > 1:
            own.drop()
        while self._overflows():
            self._drop(max(self._kept, key=self._share_of))

    def _share(self, count: int, size: int) -> float:
        """How much of an owner's share this is."""
        return max(count / max(1, self.capacity // SHARES), size * SHARES / self.most_bytes)

    def _share_of(self, owner: Hashable) -> float:
        own = self._kept[owner]
        return self._share(len(own.texts), own.size)

    def _overflows(self) -> bool:
        count, size = self.held
        return count > self.capacity or size > self.most_bytes

    def _drop(self, owner: Hashable) -> None:
        self._kept[owner].drop()
        if not self._kept[owner].texts:
            del self._kept[owner]
