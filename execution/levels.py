"""The run of a plan: level by level, each field once for all the objects of its level.

What is long is done in steps, between which others have their turn on the event loop: objects by the thousand are built
in slices, and only what waits for a loader is asked once for all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from inspect import isawaitable
from itertools import accumulate, chain, pairwise
from time import monotonic
from typing import Any

from graphql import GraphQLOutputType, OperationType, get_nullable_type, is_leaf_type, is_list_type, is_non_null_type
from graphql import is_abstract_type as is_abstract
from graphql import is_object_type as is_object
from graphql.pyutils import Path, Undefined

from core.errors import AnswerTooLarge, CostLimit, Timeout
from core.spending import measured
from execution.failures import Failure
from execution.fields import Batch, Shared, Table
from execution.meter import Meter, Weights, picked, repeated, shared, total
from execution.ordinary import CELLS, STEP, Level, Ordinary, Paths, settled, sliced
from execution.plan import FieldPlan, SelectionPlan
from execution.trace import Trace

MANY = 20
"""Objects of a level from which on it pays to read them by column, and its leaves in a task beside what waits."""

BUILT = 25_000
"""Cells of which objects are built in one step: a few milliseconds."""

REFUSED = (AnswerTooLarge, CostLimit, Timeout, asyncio.CancelledError)
"""What ends an answer of which much may have been made by then."""

PAYLOAD_WITHIN = 5.0
"""Seconds in which what a command answers must be read, once it was carried out."""


class Run(Ordinary):
    """One execution of a plan.

    ``overlaps``: whether leaves may be read while a field beside them waits, for which there must be an event
    loop. Under a trace everything runs in turn, so that each batch's time is its own.
    """

    def __init__(self, executor: Any, *, overlaps: bool = True) -> None:
        super().__init__(executor, turns=overlaps)
        self.types: dict[int, SelectionPlan] = {}
        self.commands = executor.operation.operation is OperationType.MUTATION
        self.broken: set[FieldPlan] = set()
        """The fields that failed somewhere, or have one below them that did."""
        self.trace: Trace | None = getattr(self.context, "trace", None)
        self.meter: Meter = getattr(self.context, "meter", None) or Meter()
        self.overlaps = overlaps and self.trace is None

    async def select(
        self, selection: SelectionPlan, sources: Sequence[Any], paths: Paths, weights: Weights = None
    ) -> list[dict[str, Any]]:
        """The answer's objects for ``sources``, all of the selection's type."""
        if not sources:
            return []
        count = len(sources)
        delivered = total(count, weights)
        self.meter.begin(selection, delivered)
        many = count >= MANY
        if self.turns and count > STEP:
            level = Level.of_pieces(sources, paths, weights)
        else:
            level = Level(sources, paths, weights, Table(sources) if many else None)
        if self.trace is not None:
            columns = await self._traced(self.trace, selection, level)
        elif self.overlaps and selection.overlaps and many:
            columns = await self._overlapped(selection, level)
        else:
            columns = []
            try:
                for plan in selection.fields:
                    if level.pieces or not plan.at_once:
                        columns.append(await self.field(plan, level))
                        continue
                    columns.append(self._at_once(plan, level))
                    if self.done > CELLS:
                        await self.step(0)
            except REFUSED:
                await self._let_go(columns)
                raise
        if self.turns and count * len(columns) > BUILT:
            return await self._built(selection, columns, count, weights)
        built = selection.build(*columns) if columns else [{} for _ in range(count)]
        self.meter.end(selection, columns, weights)
        return built

    async def _let_go(self, values: list[Any], many: int = 1) -> None:
        """Drop what nobody will get, so many fields or objects at a time: to free an answer that was nearly too large held the loop
        for 27 ms.
        """
        while values:
            del values[-many:]
            await self.turn()

    async def _built(
        self, selection: SelectionPlan, columns: list[Any], count: int, weights: Weights
    ) -> list[dict[str, Any]]:
        """The objects, so many at a time as are made of ``BUILT`` cells: of 5,000 with 52 fields each that took 60 ms."""
        built: list[dict[str, Any]] = []
        many = max(1, BUILT // len(columns))
        try:
            for start in range(0, count, many):
                part = slice(start, start + many)
                some = [column[part] for column in columns]
                self.meter.end(selection, some, weights and weights[part])
                built += selection.build(*some)
                await self.turn()
        except REFUSED:
            await self._let_go(columns)
            await self._let_go(built, many)
            raise
        return built

    async def _traced(self, trace: Trace, selection: SelectionPlan, level: Level) -> list[Any]:
        report = trace.level(selection, len(level.sources))
        columns = []
        for plan in selection.fields:
            # The field before may have gone down into levels of its own.
            trace.current = report
            columns.append(await self.field(plan, level))
        return columns

    async def _overlapped(self, selection: SelectionPlan, level: Level) -> list[Any]:
        """The first field that waits, the leaves beside it while it does, and then the others.

        Never two that wait: they may share a connection, or load the same rows.
        """
        first, *others = (plan for plan in selection.fields if plan.waits)
        columns: dict[FieldPlan, Sequence[Any]] = {}
        task = asyncio.create_task(measured(self.field(first, level)))
        try:
            for plan in selection.fields:
                if not plan.waits:
                    await asyncio.sleep(0)  # the task's turn: to send a statement, or to go on with what came
                    columns[plan] = await self.field(plan, level)
            columns[first] = await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        for plan in others:
            columns[plan] = await self.field(plan, level)
        return [columns[plan] for plan in selection.fields]

    def _at_once(self, plan: FieldPlan, level: Level) -> Sequence[Any]:
        """What ``field`` returns, for a leaf that is ``at_once``: most fields are, and a coroutine for each took a
        twentieth of a small query."""
        before, batch = self.failures, plan.batch
        column: Sequence[Any]
        try:
            if batch is None:
                raise TypeError(f"{plan.name} isn't resolved for a level.")
            if batch.permission is not None:
                self.context.require(batch.permission)
            values = batch.resolve_batch(
                Batch(level.sources, plan.arguments(self.variables), self.context, plan, level.table)
            )
            if isinstance(values, Shared):
                values = values.each()
            if not isinstance(values, list | tuple):
                raise TypeError(f"{plan.name} has no values at once: its resolver has to be a coroutine function.")
            column = self._present(plan, values)
        except Exception as error:
            column = self._fail(error, len(level.sources))
        self.done += len(level.sources)
        if self.failures != before:
            self.broken.add(plan)
        return column

    async def field(self, plan: FieldPlan, level: Level) -> Sequence[Any]:
        """The completed values of one field for every object of the level."""
        before = self.failures
        column: Sequence[Any]
        try:
            if level.pieces and not plan.waits:
                column = await self._pieces(plan, level)
            else:
                column = await self._field(plan, level)
            self.done += len(level.sources)
            if self.done > CELLS:
                await self.step(0)
        except (AnswerTooLarge, CostLimit, Timeout) as error:
            if not self.commands or level.sources[0] is not self.executor.root_value:
                raise
            # A command's answer; it was carried out, and those behind it will be.
            self.meter.forget()
            column = self._fail(error, len(level.sources))
        if self.failures != before:
            self.broken.add(plan)
        return column

    async def _pieces(self, plan: FieldPlan, level: Level) -> Sequence[Any]:
        """The completed values of a field that waits for nothing, of a level of very many."""
        column: list[Any] = []
        for piece in level.pieces:
            part = await self._field(plan, piece)
            if isinstance(part[0], Failure) and all(value is part[0] for value in part):
                return [part[0]] * len(level.sources)  # it failed for the whole level
            column += part
            await self.turn()
        return column

    async def _field(self, plan: FieldPlan, level: Level) -> Sequence[Any]:
        if plan.batch is None:
            return await self._plain(plan, level)
        try:
            if plan.batch.permission is not None:
                self.context.require(plan.batch.permission)
            batch = Batch(level.sources, plan.arguments(self.variables), self.context, plan, level.table)
            values = plan.batch.resolve_batch(batch)
            if not isinstance(values, list | tuple) and isawaitable(values):
                values = await values
            if self.commands and level.sources[0] is self.executor.root_value:
                self.meter.until = monotonic() + PAYLOAD_WITHIN
        except Exception as error:
            return self._fail(error, len(level.sources))
        if isinstance(values, Shared):
            if not plan.needs_paths and is_object(get_nullable_type(plan.definition.type)):
                return await self._shared(plan, values, level.weights)
            values = values.each()
        if plan.batch.final:
            return self._present(plan, values)
        below = self._below(plan, level.paths) if plan.needs_paths else None
        return await self.complete(plan, plan.definition.type, values, below, level.weights)

    async def complete(
        self, plan: FieldPlan, type_: GraphQLOutputType, values: Sequence[Any], paths: Paths, weights: Weights = None
    ) -> list[Any]:
        """Complete resolved values of ``type_``: a whole column at a time."""
        if is_non_null_type(type_):
            completed = await self.complete(plan, type_.of_type, values, paths, weights)
            return self._refuse_nulls(plan, completed) if has_null(completed) else completed
        if is_list_type(type_):
            return await self._lists(plan, type_.of_type, values, paths, weights)
        if is_leaf_type(type_):
            if len(values) <= STEP:
                return [self._leaf(type_, value) for value in values]
            completed = []
            async for part in sliced(self, values):
                completed += [self._leaf(type_, value) for value in part]
            return completed
        return await self._objects(plan, type_, values, paths, weights)

    # ---------------------------------------------------------------- the shapes of values

    def _present(self, plan: FieldPlan, values: Sequence[Any]) -> Sequence[Any]:
        """Final leaves: only the nulls are looked at, and only where there may be none."""
        if is_non_null_type(plan.definition.type) and has_null(values):
            return self._refuse_nulls(plan, values)
        return values

    async def _lists(
        self, plan: FieldPlan, item: GraphQLOutputType, values: Sequence[Any], paths: Paths, weights: Weights
    ) -> list[Any]:
        """Flatten the lists of a level, complete all items together, and cut them apart again."""
        if plan.batch is not None and paths is None and not has_null(values):
            if values:
                self.meter.lists(plan, values)
            ends = list(accumulate(map(len, values), initial=0))
            flat = list(chain.from_iterable(values))
            completed = await self.complete(plan, item, flat, None, repeated(weights, values))
            if len(ends) <= STEP:
                return [completed[start:end] for start, end in pairwise(ends)]
            lists: list[Any] = []
            async for part in sliced(self, ends, overlap=1):
                lists += [completed[start:end] for start, end in pairwise(part)]
            return lists
        return await self._mixed_lists(plan, item, values, paths, weights)

    async def _mixed_lists(
        self, plan: FieldPlan, item: GraphQLOutputType, values: Sequence[Any], paths: Paths, weights: Weights
    ) -> list[Any]:
        """Lists among nulls and failures, or of items that must know where they stand."""
        flat: list[Any] = []
        below: Paths = None if paths is None else []
        often: list[int] | None = None if weights is None else []
        ends: list[Any] = []
        for index, value in enumerate(values):
            await self.step()
            items = self._items(plan, value if plan.batch else await self._drained(value))
            if items is None or isinstance(items, Failure):
                ends.append(items)
                continue
            self.meter.lists(plan, [items])
            flat += items
            ends.append(len(flat))
            if below is not None and paths is not None:
                parent = paths[index]
                below += [Path(parent, position, None) for position in range(len(items))]
            if often is not None and weights is not None:
                often += [weights[index]] * len(items)
        if plan.batch is None:
            await settled(flat)
        completed = await self.complete(plan, item, flat, below, often)
        lists, start = [], 0
        for end in ends:
            if isinstance(end, int):
                lists.append(completed[start:end])
                start = end
            else:
                lists.append(end)
        return lists

    async def _objects(
        self, plan: FieldPlan, type_: Any, values: Sequence[Any], paths: Paths, weights: Weights
    ) -> list[Any]:
        if plan.batch is not None and not is_abstract(type_):
            return await self._rows(plan.selections[type_.name], values, paths, weights)
        completed: list[Any] = [self._failed(value) for value in values]
        live = {
            index: value
            for index, value in enumerate(values)
            if completed[index] is None and value is not None and value is not Undefined
        }
        if is_abstract(type_):
            groups = await self._by_type(plan, type_, live, completed, paths)
        else:
            self._check_type(type_, live, completed)
            groups = [(plan.selections[type_.name], live)]
        for selection, members in groups:
            below = None if paths is None else [paths[index] for index in members]
            done = await self.select(selection, list(members.values()), below, picked(weights, list(members)))
            if is_abstract(type_):
                self.types.update((id(value), selection) for value in done)
            for index, value in zip(members, done, strict=True):
                completed[index] = value
        return completed

    async def _rows(self, selection: SelectionPlan, values: Sequence[Any], paths: Paths, weights: Weights) -> list[Any]:
        """Objects from a batch resolver: rows or nulls, nothing else. This is the path that must be short."""
        if not has_null(values):
            return await self.select(selection, values, paths, weights)
        live = [index for index, value in enumerate(values) if value is not None]
        below = None if paths is None else [paths[index] for index in live]
        completed: list[Any] = [None] * len(values)
        done = await self.select(selection, [values[index] for index in live], below, picked(weights, live))
        for index, value in zip(live, done, strict=True):
            completed[index] = value
        return completed

    async def _often(self, values: Shared, weights: Weights) -> Weights:
        """How often each object stands in the answer. To count 100,000 keys held the loop for 10 ms."""
        keys, found = values.keys, values.found
        if len(keys) <= STEP or (weights is None and len(keys) == len(found)):
            return shared(keys, found, weights)
        counts: Counter[Any] = Counter()
        position = 0
        async for part in sliced(self, keys):
            if weights is None:
                counts.update(part)
            else:
                for key, weight in zip(part, weights[position : position + len(part)], strict=True):
                    counts[key] += weight
            position += len(part)
        return list(map(counts.__getitem__, found))

    async def _shared(self, plan: FieldPlan, values: Shared, weights: Weights) -> list[Any]:
        """Objects that several parents may refer to: each is completed once."""
        [selection] = plan.selections.values()
        often = await self._often(values, weights)
        built = await self._rows(selection, list(values.found.values()), None, often)
        done = dict(zip(values.found, built, strict=True))
        completed: list[Any] = []
        if len(values.keys) <= STEP:
            completed += map(done.get, values.keys)
        else:
            async for part in sliced(self, values.keys):
                completed += map(done.get, part)
        if is_non_null_type(plan.definition.type) and has_null(completed):
            return self._refuse_nulls(plan, completed)
        return completed


def has_null(values: Sequence[Any]) -> bool:
    """Whether a None is among the values. ``all`` is usually true, and cheaper than searching for None."""
    return not all(values) and None in values
