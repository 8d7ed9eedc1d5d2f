"""The worst that a search has met so far, by one measure: what it goes on from."""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

BEST = 20
"""Members that are kept."""

ALIKE = 3
"""Of them those of one shape: without a bound all were soon the children of one request."""


class Kept(NamedTuple, Generic[T]):
    """A member, and how much it has of what is looked for."""

    amount: float
    shape: Hashable
    member: T


class Pool(Generic[T]):
    """The members with the largest amounts, a few of each shape."""

    def __init__(self) -> None:
        self.kept: list[Kept[T]] = []

    def offer(self, amount: float, shape: Hashable, member: T) -> None:
        """Keep it where it is one of the worst; of two that are the same the later one."""
        alike = [each for each in self.kept if each.shape == shape]
        rivals = alike if len(alike) >= ALIKE else self.kept
        if len(alike) >= ALIKE or len(self.kept) >= BEST:
            least = min(rivals, key=lambda each: each.amount)
            if least.amount > amount:
                return
            self.kept.remove(least)
        self.kept.append(Kept(amount, shape, member))

    def worst(self, number: int) -> list[T]:
        """So many of them, the worst first."""
        return [each.member for each in sorted(self.kept, key=lambda each: -each.amount)[:number]]
