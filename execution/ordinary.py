"""What a run does for one object at a time: ordinary resolvers, types that are known at run time, leaves, failures."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from inspect import isawaitable, iscoroutine
from traceback import clear_frames
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLLeafType, GraphQLOutputType
from graphql.pyutils import Path, Undefined, is_iterable

from core.spending import measured
from execution.failures import Failure
from execution.fields import Table
from execution.meter import Weights
from execution.plan import FieldPlan, SelectionPlan

STEP = 5_000
"""Objects for which something is done before others have their turn: some five milliseconds at the most. With 2,000 a page
of 250 orders was cut in two, for a twentieth of its time."""

CELLS = 20_000
"""Cells after which others have their turn, from however many levels."""

SLOW = 100
"""Cells in whose time one object is done that an ordinary resolver is asked for."""

Paths = list[Path | None] | None
"""Where each object of a level stands; None where no resolver below will ask."""


class Level(NamedTuple):
    """Objects of one type, how often each stands in the answer, and what they are by column if they are many.

    ``pieces`` has the same in slices, where they are so many that a column isn't done in one step.
    """

    sources: Sequence[Any]
    paths: Paths
    weights: Weights = None
    table: Table | None = None
    pieces: "Sequence[Level]" = ()

    @classmethod
    def of_pieces(cls, sources: Sequence[Any], paths: Paths, weights: Weights) -> "Level":
        """A level of many."""
        pieces = []
        for start in range(0, len(sources), STEP):
            part = slice(start, start + STEP)
            some = sources[part]
            pieces.append(cls(some, paths and paths[part], weights and weights[part], Table(some)))
        return cls(sources, paths, weights, None, pieces)


class Ordinary:
    """The part of a run that takes its objects one by one. ``turns``: whether there is a loop for others to run on."""

    def __init__(self, executor: Any, *, turns: bool) -> None:
        # Of graphql-core's class, which Strawberry's and ours derive from and which isn't typed.
        self.executor = executor
        self.context = executor.context_value
        self.variables = executor.variable_values
        self.turns = turns
        self.done = 0
        self.failures = 0
        self.raised: list[BaseException] = []
        """What each failure is of."""
        self.reports: set[Failure] = set()
        """Failures that are ``always_reported``: a null further up doesn't hide them."""

    async def turn(self) -> None:
        """Let others run."""
        if self.turns:
            await asyncio.sleep(0)

    async def step(self, work: int = SLOW) -> None:
        """Let others run if much was done since they did: small levels add up as well. An ordinary resolver's object
        counts for several cells.
        """
        self.done += work
        if self.done > CELLS and self.turns:
            self.done = 0
            await asyncio.sleep(0)

    async def complete(
        self, plan: FieldPlan, type_: GraphQLOutputType, values: Sequence[Any], paths: Paths, weights: Weights = None
    ) -> list[Any]:
        """Complete resolved values of ``type_``: a whole column at a time."""
        raise NotImplementedError

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
            await self.step()
            try:
                values.append(resolve(source, self._info(plan, path), **arguments))
            except Exception as error:
                values.append(self._failure(error))
        await settled(values)
        return await self.complete(plan, plan.definition.type, values, below, level.weights)

    async def _by_type(
        self, plan: FieldPlan, type_: Any, live: dict[int, Any], completed: list[Any], paths: Paths
    ) -> list[tuple[SelectionPlan, dict[int, Any]]]:
        """Objects of an interface or union, grouped by the object type that each turns out to be."""
        executor = self.executor
        resolve_type = type_.resolve_type or executor.type_resolver
        groups: dict[str, dict[int, Any]] = {}
        for index, value in live.items():
            await self.step()
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

    def _info(self, plan: FieldPlan, path: Path | None) -> Any:
        nodes = [details.node for details in plan.details]
        return self.executor.build_resolve_info(plan.definition, nodes, plan.parent, path)

    def _below(self, plan: FieldPlan, paths: Paths) -> Paths:
        return [Path(path, plan.key, plan.parent.name) for path in paths or ()]

    # ---------------------------------------------------------------- single values

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

    # ---------------------------------------------------------------- failures

    def _failed(self, value: Any) -> Failure | None:
        """The failure that a value is, if it is one."""
        if isinstance(value, Exception):
            return self._failure(value)
        return value if isinstance(value, Failure) else None

    def _failure(self, error: BaseException) -> Failure:
        self.failures += 1
        self.raised.append(error)
        return Failure(error)

    async def forget_frames(self) -> None:
        """Have errors keep no more of where they were raised than its lines. Their frames hold the run, and all that was read: a
        circle that stays until the garbage collector comes. Thirty answers that a denied field had made null filled a gigabyte.
        """
        for error in self.raised:
            await self.step()
            clear_frames(error.__traceback__)
        self.raised.clear()
        self.reports.clear()

    def _fail(self, error: BaseException, count: int) -> list[Any]:
        failure = self._failure(error)
        if getattr(error, "always_reported", False):
            self.reports.add(failure)
        return [failure] * count

    def _refuse_nulls(self, plan: FieldPlan, values: Sequence[Any]) -> list[Any]:
        message = f"Cannot return null for non-nullable field {plan.parent}.{plan.name}."
        return [self._failure(TypeError(message)) if value is None else value for value in values]


async def sliced(run: Ordinary, values: Sequence[Any], overlap: int = 0) -> AsyncIterator[Sequence[Any]]:
    """The values in slices, with a turn for others between them; each begins with the last ``overlap`` of the one
    before."""
    if len(values) <= STEP or not run.turns:
        yield values
        return
    for start in range(0, len(values) - overlap, STEP):
        yield values[start : start + STEP + overlap]
        await run.turn()


async def settled(values: list[Any]) -> None:
    """Wait for what has to be waited for, all together: each is replaced by its result or its exception."""
    waiting = [index for index, value in enumerate(values) if isawaitable(value)]
    if not waiting:
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # whoever runs this without one hears so from the executor
        for index in waiting:
            if iscoroutine(values[index]):
                values[index].close()
        await asyncio.sleep(0)
    tasks = (measured(each) if iscoroutine(each) else each for each in (values[index] for index in waiting))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for index, result in zip(waiting, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
        values[index] = result
