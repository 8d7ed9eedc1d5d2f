"""Answers as JSON, the large ones in slices: writing one of 16 MB takes 40 ms, in which nobody else is served.

A small answer is written at once. In a large one the lists are written first, as many of their items at a time as make
a slice; where a single item may be more than that, the lists below it come before it. What is above holds them as they
are written, and only copies them.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from graphql import get_nullable_type, is_list_type

from execution import FieldPlan, Meter, SelectionPlan

AT_ONCE = 25_000
"""Leaves and objects that are written in one step: some two milliseconds."""

COPIED = 1_000_000
"""Bytes whose copying is a step of its own."""

LOOK = 100
"""Leaves in whose time a value is looked at, as to whether it must be shortened."""

BYTES = 32
"""Bytes of text that take as long as a leaf."""

SMALL = 4
"""Bytes that a leaf has at the least, with its key: an answer of fewer than ``AT_ONCE`` times as many is small."""


def composed(errors: list[dict[str, Any]], data: bytes, extensions: Mapping[str, Any]) -> bytes:
    """An answer. Its data are written already, and copied once: they may be 16 MB."""
    failed = (b'"errors":', orjson.dumps(errors), b",") if errors else ()
    return b"".join((b"{", *failed, b'"data":', data, b',"extensions":', orjson.dumps(extensions), b"}"))


async def written(data: dict[str, Any] | None, meter: Meter) -> bytes:
    """The data of an answer that ``meter`` has counted. Raises ``AnswerTooLarge``. The data are spent by it."""
    if data is not None and meter.bytes + meter.forgotten > AT_ONCE * SMALL:
        await _Writer(meter).shorten(data, next(iter(meter.levels)))
        await asyncio.sleep(0)
    content = orjson.dumps(data)
    if len(content) > COPIED:
        # It is copied into the answer next: two copies of 14 MB and the last slice held the loop for 33 ms.
        await asyncio.sleep(0)
    meter.bytes = len(content)
    if meter.limit is not None and len(content) > meter.limit:
        raise meter.refuse()
    return content


class _Writer:
    """Puts written lists in the place of lists until what is left is little.

    How much an object may be isn't looked up in it, which would take as long as writing it: the meter knows how many
    leaves the objects of a selection have, how much text on average, and how long the longest list of each field is.
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._most: dict[SelectionPlan, int] = {}
        self._long: dict[tuple[SelectionPlan, ...], dict[str, list[FieldPlan]]] = {}
        self._done = 0

    async def shorten(self, data: dict[str, Any], *selections: SelectionPlan) -> None:
        """Leave no more of an object, which is of one of these selections, than is written in one step."""
        for key, plans in self._longer(selections).items():
            value = data.get(key)
            if isinstance(value, dict | list):
                data[key] = await self._shortened(value, plans)

    def _longer(self, selections: tuple[SelectionPlan, ...]) -> dict[str, list[FieldPlan]]:
        """The fields of objects of these selections that may be more than is written in one step, by their keys. Looked for once,
        and not for each object.
        """
        found = self._long.get(selections)
        if found is None:
            fields: dict[str, list[FieldPlan]] = {}
            for selection in selections:
                for plan in selection.fields:
                    fields.setdefault(plan.key, []).append(plan)
            found = {key: plans for key, plans in fields.items() if self._value(plans) > AT_ONCE}
            self._long[selections] = found
        return found

    async def _shortened(self, value: Any, plans: list[FieldPlan]) -> Any:
        await self._step(LOOK)
        selections = [selection for plan in plans for selection in plan.selections.values()]
        if isinstance(value, dict):
            await self.shorten(value, *selections)
            return value
        item = max(map(self._object, selections), default=0)
        if not isinstance(value, list) or not value:
            return value
        if item > AT_ONCE or isinstance(value[0], list):
            return [await self._shortened(each, plans) for each in value]
        return await self._list(value, max(1, item))

    async def _list(self, values: list[Any], item: int) -> list[orjson.Fragment]:
        """A list, of which several items are one each that is written already. An item takes no more than ``item``."""
        parts, size, many = [], 0, max(1, AT_ONCE // item)
        for start in range(0, len(values), many):
            some = values[start : start + many]
            await self._step(len(some) * item)
            content = orjson.dumps(some)[1:-1]
            # Let go of what is written: half a million objects that were freed with their list held the loop for 127 ms.
            values[start : start + many] = [None] * len(some)
            parts.append(orjson.Fragment(content))
            size += len(content)
            if self.meter.limit is not None and size > self.meter.limit:
                raise self.meter.refuse()
        return parts

    async def _step(self, work: int) -> None:
        """So much comes next: others have their turn before, if that makes it much."""
        self._done += work
        if self._done > AT_ONCE:
            self._done = work
            await asyncio.sleep(0)

    def _value(self, plans: list[FieldPlan]) -> int:
        """What writing a field's value takes at the most."""
        return max((self._field(plan) for plan in plans), default=0)

    def _field(self, plan: FieldPlan) -> int:
        item = max(map(self._object, plan.selections.values()), default=0)
        type_ = get_nullable_type(plan.definition.type)
        while is_list_type(type_):
            item *= self.meter.longest.get(plan, 0)
            type_ = get_nullable_type(type_.of_type)
        return item

    def _object(self, selection: SelectionPlan) -> int:
        """What writing an object of a selection takes at the most, with all that is below it."""
        found = self._most.get(selection)
        if found is None:
            level = self.meter.levels.get(selection)
            text = level.bytes // (BYTES * max(1, level.count)) if level is not None else 0
            found = 1 + selection.leaves + text + sum(map(self._field, selection.fields)) if level is not None else 0
            self._most[selection] = found
        return found
