"""The run of a plan: level by level, each field once for all the objects of its level."""

import asyncio
from collections.abc import Sequence
from inspect import isawaitable, iscoroutine
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLOutputType,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path, Undefined, is_iterable

from core.spending import measured
from execution.failures import Failure
from execution.fields import Batch, Shared, Table
from execution.plan import FieldPlan, SelectionPlan
from execution.trace import Trace

if TYPE_CHECKING:
    from execution.executor import BreadthFirstExecutor

MANY = 20
"""Objects of a level from which on it pays to read them by column, and its leaves in a task beside what waits."""

Paths = list[Path | None] | None
"""Where each object of a level stands; None where no resolver below will ask."""


class Level(NamedTuple):
    """Objects of one type, and what they are by column if they are many."""

    sources: Sequence[Any]
    paths: Paths
    table: Table | None


class Run:
    """One execution of a plan. ``failed`` tells whether the answer holds a ``Failure``, ``reports`` whether one of them is of
    an error that is ``always_reported``: a null further up doesn't hide it.

    ``overlaps``: whether leaves may be read while a field beside them waits, for which there must be an event
    loop. Under a trace everything runs in turn, so that each batch's time is its own.
    """

    def __init__(self, executor: "BreadthFirstExecutor", *, overlaps: bool = True) -> None:
        self.executor = executor
        self.context = executor.context_value
        self.variables = executor.variable_values
        self.failed = False
        self.reports = False
        self.types: dict[int, SelectionPlan] = {}
        self.trace: Trace | None = getattr(self.context, "trace", None)
        self.overlaps = overlaps and self.trace is None

    async def select(self, selection: SelectionPlan, sources: Sequence[Any], paths: Paths) -> list[dict[str, Any]]:
        """The answer's objects for ``sources``, all of the selection's type."""
        if not sources:
            return []
        many = len(sources) >= MANY
        level = Level(sources, paths, Table(sources) if many else None)
        if self.trace is not None:
            columns = await self._traced(self.trace, selection, level)
        elif self.overlaps and selection.overlaps and many:
            columns = await self._overlapped(selection, level)
        else:
            columns = [await self.field(plan, level) for plan in selection.fields]
        if not columns:
            return [{} for _ in sources]
        return selection.build(*columns)

    async def _traced(self, trace: Trace, selection: SelectionPlan, level: Level) -> list[Any]:
        told = trace.level(selection, len(level.sources))
        columns = []
        for plan in selection.fields:
            # The field before may have gone down into levels of its own.
            trace.current = told
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

    async def field(self, plan: FieldPlan, level: Level) -> Sequence[Any]:
        """The completed values of one field for every object of the level."""
        if plan.batch is None:
            return await self._plain(plan, level)
        try:
            if plan.batch.permission is not None:
                self.context.require(plan.batch.permission)
            batch = Batch(level.sources, plan.arguments(self.variables), self.context, plan, level.table)
            values = plan.batch.resolve_batch(batch)
            if not isinstance(values, list | tuple) and isawaitable(values):
                values = await values
        except Exception as error:
            return self._fail(error, len(level.sources))
        if isinstance(values, Shared):
            if not plan.plain and is_object_type(get_nullable_type(plan.definition.type)):
                return await self._shared(plan, values)
            values = values.each()
        if plan.batch.final:
            return self._present(plan, values)
        below = self._below(plan, level.paths) if plan.plain else None
        return await self.complete(plan, plan.definition.type, values, below)

    async def complete(
        self, plan: FieldPlan, type_: GraphQLOutputType, values: Sequence[Any], paths: Paths
    ) -> list[Any]:
        """Complete resolved values of ``type_``: a whole column at a time."""
        if is_non_null_type(type_):
            completed = await self.complete(plan, type_.of_type, values, paths)
            return self._refuse_nulls(plan, completed) if has_null(completed) else completed
        if is_list_type(type_):
            return await self._lists(plan, type_.of_type, values, paths)
        if is_leaf_type(type_):
            return [self._leaf(type_, value) for value in values]
        return await self._objects(plan, type_, values, paths)

    # ---------------------------------------------------------------- the shapes of values

    def _present(self, plan: FieldPlan, values: Sequence[Any]) -> Sequence[Any]:
        """Final leaves: only the nulls are looked at, and only where there may be none."""
        if is_non_null_type(plan.definition.type) and has_null(values):
            return self._refuse_nulls(plan, values)
        return values

    def _leaf(self, type_: GraphQLLeafType, value: Any) -> Any:
        if value is None or value is Undefined:
            return None
        if isinstance(value, Failure):
            return value
        try:
            if isinstance(value, Exception):
                raise value
            return self.executor.complete_leaf_value(type_, value)
        except Exception as error:
            return self._failure(error)

    async def _lists(self, plan: FieldPlan, item: GraphQLOutputType, values: Sequence[Any], paths: Paths) -> list[Any]:
        """Flatten the lists of a level, complete all items together, and cut them apart again."""
        if plan.batch is not None and paths is None and not has_null(values):
            ends = list(accumulate(map(len, values), initial=0))
            completed = await self.complete(plan, item, list(chain.from_iterable(values)), None)
            return [completed[start:end] for start, end in pairwise(ends)]
        return await self._mixed_lists(plan, item, values, paths)

    async def _mixed_lists(
        self, plan: FieldPlan, item: GraphQLOutputType, values: Sequence[Any], paths: Paths
    ) -> list[Any]:
        """Lists among nulls and failures, or of items that must know where they stand."""
        flat: list[Any] = []
        below: Paths = None if paths is None else []
        ends: list[Any] = []
        for index, value in enumerate(values):
            items = self._items(plan, value if plan.batch else await self._drained(value))
            if items is None or isinstance(items, Failure):
                ends.append(items)
                continue
            flat += items
            ends.append(len(flat))
            if below is not None and paths is not None:
                parent = paths[index]
                below += [Path(parent, position, None) for position in range(len(items))]
        if plan.batch is None:
            await _settle(flat)
        completed = await self.complete(plan, item, flat, below)
        lists, start = [], 0
        for end in ends:
            if isinstance(end, int):
                lists.append(completed[start:end])
                start = end
            else:
                lists.append(end)
        return lists

    async def _drained(self, value: Any) -> Any:
        """The items of an asynchronous generator; its exception, if it fails."""
        if not self.executor.is_async_iterable(value):
            return value
        try:
            return [item async for item in value]
        except Exception as error:
            return error

    def _items(self, plan: FieldPlan, value: Any) -> Any:
        if isinstance(value, list) or value is None or isinstance(value, Failure):
            return value
        if value is Undefined:
            return None
        if isinstance(value, Exception):
            return self._failure(value)
        if is_iterable(value):
            return list(value)
        return self._failure(
            GraphQLError(f"Expected Iterable, but did not find one for field '{plan.parent}.{plan.name}'.")
        )

    async def _objects(self, plan: FieldPlan, type_: Any, values: Sequence[Any], paths: Paths) -> list[Any]:
        if plan.batch is not None and not is_abstract_type(type_):
            return await self._rows(plan.selections[type_.name], values, paths)
        completed: list[Any] = [self._failed(value) for value in values]
        live = {
            index: value
            for index, value in enumerate(values)
            if completed[index] is None and value is not None and value is not Undefined
        }
        if is_abstract_type(type_):
            groups = await self._by_type(plan, type_, live, completed, paths)
        else:
            self._check_type(type_, live, completed)
            groups = [(plan.selections[type_.name], live)]
        for selection, members in groups:
            below = None if paths is None else [paths[index] for index in members]
            done = await self.select(selection, list(members.values()), below)
            if is_abstract_type(type_):
                self.types.update((id(value), selection) for value in done)
            for index, value in zip(members, done, strict=True):
                completed[index] = value
        return completed

    def _failed(self, value: Any) -> Failure | None:
        """The failure that a value is, if it is one."""
        if isinstance(value, Exception):
            return self._failure(value)
        return value if isinstance(value, Failure) else None

    async def _rows(self, selection: SelectionPlan, values: Sequence[Any], paths: Paths) -> list[Any]:
        """Objects from a batch resolver: rows or nulls, nothing else. This is the path that must be short."""
        if not has_null(values):
            return await self.select(selection, values, paths)
        live = [index for index, value in enumerate(values) if value is not None]
        below = None if paths is None else [paths[index] for index in live]
        completed: list[Any] = [None] * len(values)
        done = await self.select(selection, [values[index] for index in live], below)
        for index, value in zip(live, done, strict=True):
            completed[index] = value
        return completed

    async def _shared(self, plan: FieldPlan, values: Shared) -> list[Any]:
        """Objects that several parents may refer to: each is completed once."""
        [selection] = plan.selections.values()
        built = await self._rows(selection, list(values.found.values()), None)
        done = dict(zip(values.found, built, strict=True))
        completed = list(map(done.get, values.keys))
        if is_non_null_type(plan.definition.type) and has_null(completed):
            return self._refuse_nulls(plan, completed)
        return completed

    async def _by_type(
        self, plan: FieldPlan, type_: Any, live: dict[int, Any], completed: list[Any], paths: Paths
    ) -> list[tuple[SelectionPlan, dict[int, Any]]]:
        """Objects of an interface or union, grouped by the object type that each turns out to be."""
        executor = self.executor
        resolve_type = type_.resolve_type or executor.type_resolver
        groups: dict[str, dict[int, Any]] = {}
        for index, value in live.items():
            info = self._info(plan, None if paths is None else paths[index])
            try:
                name = resolve_type(value, info, type_)
                if isawaitable(name):
                    name = await name
                found = executor.ensure_valid_runtime_type(name, type_, plan.details, info, value)
            except Exception as error:
                completed[index] = self._failure(error)
                continue
            groups.setdefault(found.name, {})[index] = value
        return [(plan.selections[name], members) for name, members in groups.items()]

    def _check_type(self, type_: Any, live: dict[int, Any], completed: list[Any]) -> None:
        """What graphql-core checks of an object from an ordinary resolver: ``is_type_of``."""
        if type_.is_type_of is None:
            return
        for index, value in list(live.items()):
            if not type_.is_type_of(value, None):
                completed[index] = self._failure(GraphQLError(f"Expected value of type '{type_}' but got: {value!r}."))
                del live[index]

    # ---------------------------------------------------------------- ordinary resolvers

    async def _plain(self, plan: FieldPlan, level: Level) -> list[Any]:
        """A field whose resolver knows nothing of batches: called once per object, awaited together."""
        sources = level.sources
        if plan.name == "__typename":
            return [plan.parent.name] * len(sources)
        executor = self.executor
        below = self._below(plan, level.paths) or []
        resolve = plan.definition.resolve or executor.field_resolver
        try:
            arguments = plan.arguments(self.variables)
        except Exception as error:
            return self._fail(error, len(sources))
        values: list[Any] = []
        for source, path in zip(sources, below, strict=True):
            try:
                values.append(resolve(source, self._info(plan, path), **arguments))
            except Exception as error:
                values.append(self._failure(error))
        await _settle(values)
        return await self.complete(plan, plan.definition.type, values, below)

    def _info(self, plan: FieldPlan, path: Path | None) -> Any:
        nodes = [details.node for details in plan.details]
        return self.executor.build_resolve_info(plan.definition, nodes, plan.parent, path)  # type: ignore[arg-type]  # None at the top, as in graphql-core

    def _below(self, plan: FieldPlan, paths: Paths) -> Paths:
        return [Path(path, plan.key, plan.parent.name) for path in paths or ()]

    # ---------------------------------------------------------------- failures

    def _failure(self, error: BaseException) -> Failure:
        self.failed = True
        return Failure(error)

    def _fail(self, error: BaseException, count: int) -> list[Any]:
        self.reports |= getattr(error, "always_reported", False)
        return [self._failure(error)] * count

    def _refuse_nulls(self, plan: FieldPlan, values: Sequence[Any]) -> list[Any]:
        message = f"Cannot return null for non-nullable field {plan.parent}.{plan.name}."
        return [self._failure(TypeError(message)) if value is None else value for value in values]


def has_null(values: Sequence[Any]) -> bool:
    """Whether a None is among the values. Mostly all are true, which is known sooner than that none equals None."""
    return not all(values) and None in values


async def _settle(values: list[Any]) -> None:
    """Wait for what has to be waited for, all together: each is replaced by its result or its exception."""
    waiting = [index for index, value in enumerate(values) if isawaitable(value)]
    if not waiting:
        return
    tasks = (measured(each) if iscoroutine(each) else each for each in (values[index] for index in waiting))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for index, result in zip(waiting, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
        values[index] = result
