"""Documents that clients persist on the way, under their hash: a bounded store, shared fairly."""

import sys
from collections.abc import Hashable

from core.fair_store import FairStore

ENTRY = 400
"""Bytes that a text takes besides its own, with its hash and its places in the store."""


class Persisted:
    """Texts under their hashes, each owner's (a tenant's) apart: nobody finds what another persisted, and an owner
    over its share loses what it used longest ago itself.
    """

    def __init__(self, capacity: int, most_bytes: int) -> None:
        """``capacity`` texts are kept, of ``most_bytes`` in memory together; an owner has a fifth of both at most.
        Without a capacity nothing is kept.
        """
        self.is_on = capacity > 0
        self.kept: FairStore[tuple[Hashable, str], str] = FairStore(most_bytes, capacity)

    @property
    def held(self) -> tuple[int, int]:
        """How many texts there are, and their bytes."""
        return len(self.kept), self.kept.size

    def get(self, owner: Hashable, key: str) -> str | None:
        """The text of a hash, where this owner persisted it."""
        return self.kept.get((owner, key))

    def keep(self, owner: Hashable, key: str, text: str) -> None:
        """Keep a text, at the cost of what the owner, or else the owner with most, used longest ago."""
        if self.get(owner, key) is None:
            self.kept.put(owner, (owner, key), text, ENTRY + sys.getsizeof(text))
