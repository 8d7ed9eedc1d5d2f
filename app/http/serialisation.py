"""Answers as JSON, the large ones in slices: writing one of 16 MB takes 40 ms, in which nobody else is served.

A small answer is written at once. Of a large one the parts are written first, those below before those above, each of
its objects by itself and once, however many others refer to it; what is above holds them as they are.
"""

import asyncio
from typing import Any

import orjson

from execution import Delivered, Meter

AT_ONCE = 25_000
"""Leaves and objects that are written in one step: some two milliseconds."""

BYTES = 32
"""Bytes of text that take as long as a leaf."""

COPIED = 400
"""Bytes that take as long as a leaf where they are JSON already."""


async def written(data: dict[str, Any] | None, meter: Meter) -> bytes:
    """The data of an answer that ``meter`` has counted. Raises ``AnswerTooLarge``. The data are spent by it."""
    work = sum(map(_work, meter.levels.values()))
    if data is not None and work > AT_ONCE:
        await _Writer(meter).shorten()
    content = orjson.dumps(data)
    meter.bytes = len(content)
    if meter.limit is not None and len(content) > meter.limit:
        raise meter.refuse()
    return content


def _work(level: Delivered) -> int:
    return level.count + level.leaves + level.bytes // BYTES


class _Writer:
    """Puts written parts in the place of objects until what is left is little."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.done = 0
        self.left: dict[Any, int] = {}
        """What writing the objects of a selection takes, with all that stands below them."""

    async def shorten(self) -> None:
        """Leave no more of the answer than is written in one step."""
        for selection, level in self.meter.levels.items():
            below = [each for plan in selection.fields for each in plan.selections.values() if each in self.left]
            while below and sum(self.left[each] for each in below) > AT_ONCE:
                largest = max(below, key=self.left.__getitem__)
                below.remove(largest)
                self.left[largest] = await self._write(largest, selection, level)
            self.left[selection] = _work(level) + sum(
                self.left[each] for plan in selection.fields for each in plan.selections.values() if each in self.left
            )

    async def _write(self, selection: Any, parent: Any, above: Delivered) -> int:
        """Write the objects of a selection and put them into those above; what copying them takes."""
        parts: dict[int, orjson.Fragment] = {}
        size = 0
        for objects in self.meter.levels[selection].objects:
            for each in objects:
                content = orjson.dumps(each)
                parts[id(each)] = orjson.Fragment(content)
                size += len(content)
                if self.meter.limit is not None and size > self.meter.limit:
                    raise self.meter.refuse()
                await self._step(10 + len(content) // 10)
        keys = [plan.key for plan in parent.fields if selection in plan.selections.values()]
        await self._replace(above, keys, parts)
        self.meter.levels[selection].objects.clear()
        return size // COPIED

    async def _replace(self, above: Delivered, keys: list[str], parts: dict[int, orjson.Fragment]) -> None:
        for objects in above.objects:
            for each in objects:
                for key in keys:
                    value = each[key]
                    each[key] = _replaced(value, parts)
                    await self._step(1 + len(value) if isinstance(value, list) else 2)

    async def _step(self, work: int) -> None:
        """So much was done: others have their turn, if it was much."""
        self.done += work
        if self.done > AT_ONCE:
            self.done = 0
            await asyncio.sleep(0)


def _replaced(value: Any, parts: dict[int, orjson.Fragment]) -> Any:
    if isinstance(value, list):
        return [_replaced(each, parts) for each in value]
    return parts.get(id(value), value)
