"""Time and chance, the same at every run: a fixed day, seeded randomness, and ids made of the two."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")

HOUR = 3_600
DAY = 24 * HOUR


def seconds(year: int, month: int, day: int) -> int:
    """Midnight UTC of a day, in seconds since 1970: the unit of every time in here."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


FOUNDED = seconds(2023, 1, 2)
"""The tenants, their places, partners and products were entered from here to FIRST_ORDER."""
FIRST_ORDER = seconds(2025, 1, 6)
TODAY = seconds(2026, 11, 1)
"""Nothing happens later."""


def moment(at: int) -> str:
    """A time as the database reads it."""
    return datetime.fromtimestamp(at, UTC).isoformat()


class Seed:
    """Chance that a name decides. Built on ``random()`` and ``getrandbits()`` alone, which Python
    promises to keep, so that the data are the same on every Python.
    """

    def __init__(self, name: str) -> None:
        source = random.Random(name)  # noqa: S311 - it must be predictable
        self.random = source.random
        self._bits = source.getrandbits

    def id(self, at: int, counter: int = 0) -> str:
        """A UUIDv7's hex. Ids of one moment sort by ``counter`` (below 4096), otherwise by chance."""
        return f"{at * 1000 << 80 | (0x7000 | counter) << 64 | 0b10 << 62 | self._bits(62):032x}"

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def among(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def between(self, start: int, end: int) -> int:
        """A time from ``start`` to just before ``end``."""
        return start + int(self.random() * (end - start))

    def history(self, created: int) -> tuple[int, str, str]:
        """A record's version, when it was made and when it was last changed: one in three was, once."""
        changed = self.chance(1 / 3)
        updated = self.between(created + HOUR, created + 90 * DAY) if changed else created
        return 1 + changed, moment(created), moment(updated)

    def distinct(self, count: int, limit: int) -> list[int]:
        """``count`` different numbers below ``limit``, in random order."""
        found: dict[int, None] = {}
        while len(found) < count:
            found[self.below(limit)] = None
        return list(found)
