"""What an answer holds, counted level by level while it is put together.

Objects that several parents refer to are built once and written for each of them: a kilobyte of query stood for
1.3 GB of answer, and only the rows that were read had been counted. So each level knows how often each of its objects
stands in the answer, and the sum is known before a byte of it is written.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import mul
from time import monotonic
from typing import Any

from core.errors import AnswerTooLarge, CostLimit, Timeout
from execution.fields import POINT
from execution.plan import FieldPlan, SelectionPlan

Weights = Sequence[int] | None
"""How often each object of a level stands in the answer; None where each stands there once."""


@dataclass(slots=True)
class Delivered:
    """What the objects of one selection come to in the answer."""

    count: int = 0
    bytes: int = 0
    """At the least, without what stands below them."""


class Meter:
    """Counts an answer. ``limit`` is how many bytes it may have, ``most`` how many points; None: as many as it likes.

    ``until`` is when its objects must have been read, by ``time.monotonic``. ``levels`` has what each selection
    brought, ``longest`` how many items the longest list of a field has.
    """

    def __init__(self, limit: int | None = None, most: int | None = None) -> None:
        self.limit = limit
        self.most = most
        self.until: float | None = None
        self.tenths = 0
        self.bytes = 0
        self.forgotten = 0
        """Bytes that were counted before ``forget``; some of them may be in the answer all the same."""
        self.levels: dict[SelectionPlan, Delivered] = {}
        self.longest: dict[FieldPlan, int] = {}

    @property
    def points(self) -> int:
        """What was delivered, in points, as the price counts them."""
        return -(-self.tenths // POINT)

    def begin(self, selection: SelectionPlan, count: int) -> None:
        """So many objects will be delivered: before anything that they hold is read. Raises ``AnswerTooLarge``,
        ``CostLimit`` and, past the time in which a command's payload must be read, ``Timeout``.
        """
        if self.until is not None and self.until < monotonic():
            raise Timeout("Reading the answer took too long.")
        self.tenths += count * selection.cost
        if self.most is not None and self.tenths > self.most * POINT:
            raise CostLimit(
                f"The answer costs more than {self.most:,} points at {selection.path}: ask for less there.",
                facts={"cost": {"requested": self.points, "limit": self.most}, "place": selection.path.split(".")},
            )
        level = self.levels.get(selection)
        if level is None:
            level = self.levels[selection] = Delivered()
        level.count += count
        self._add(level, count * selection.fixed)

    def end(self, selection: SelectionPlan, columns: Any, weights: Weights) -> None:
        """They were built, of these columns. Raises ``AnswerTooLarge``."""
        texts = 0
        for index in selection.texts:
            texts += measured(columns[index], weights)
        if texts:
            self._add(self.levels[selection], texts)

    def lists(self, plan: FieldPlan, values: Sequence[Any]) -> None:
        """A field has these lists."""
        longest = max(map(len, values))
        if longest > self.longest.get(plan, 0):
            self.longest[plan] = longest

    def spend(self, tenths: int) -> None:
        """What isn't in the answer: counting, say."""
        self.tenths += tenths

    def forget(self) -> None:
        """What was counted so far won't be in the answer: a command's payload that was too large, or too slow."""
        self.forgotten += self.bytes
        self.bytes = 0
        for level in self.levels.values():
            level.bytes = 0

    def refuse(self) -> AnswerTooLarge:
        """The error that names the largest list."""
        largest = max(self.levels, key=lambda selection: self.levels[selection].bytes)
        return AnswerTooLarge(self.limit or 0, largest.path)

    def _add(self, level: Delivered, size: int) -> None:
        self.bytes += size
        level.bytes += size
        if self.limit is not None and self.bytes > self.limit:
            raise self.refuse()


def measured(values: Sequence[Any], weights: Weights) -> int:
    """The characters of a column's texts, each as often as it stands in the answer."""
    if values[0].__class__ is str:  # lists and documents have a length, of another kind
        try:
            return sum(map(len, values)) if weights is None else sum(map(mul, map(len, values), weights))
        except TypeError:  # a null among them
            pass
    lengths = [len(value) if value.__class__ is str else length(value) if value else 0 for value in values]
    return sum(lengths) if weights is None else sum(map(mul, lengths, weights))


def length(value: Any) -> int:
    """How many characters the texts of a leaf have, and what goes with them in JSON at the least."""
    if value.__class__ is str:
        return len(value)
    if isinstance(value, dict):
        return sum(len(str(key)) + 3 + length(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return sum(1 + length(each) for each in value)
    return 0


def total(count: int, weights: Weights) -> int:
    """How many objects of a level the answer has."""
    return count if weights is None else sum(weights)


def picked(weights: Weights, indexes: Sequence[int]) -> Weights:
    """Those of some of a level's objects."""
    return None if weights is None else [weights[index] for index in indexes]


def repeated(weights: Weights, values: Sequence[Any]) -> Weights:
    """Those of the items of a level's lists."""
    if weights is None:
        return None
    return list(chain.from_iterable(map(repeat, weights, map(len, values))))


def shared(keys: Sequence[Any], found: Any, weights: Weights) -> Weights:
    """Those of objects that a level's parents share, by their keys."""
    if weights is None:
        if len(keys) == len(found):
            return None  # each key once, as each of the found is there for one
        counts: Any = Counter(keys)
    elif len(keys) == len(found):
        counts = dict(zip(keys, weights, strict=True))
    else:
        counts = dict.fromkeys(found, 0)
        for key, weight in zip(keys, weights, strict=True):
            if key in counts:
                counts[key] += weight
    return list(map(counts.__getitem__, found))
