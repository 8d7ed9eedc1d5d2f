"""The executor, plugged in through Strawberry's ``execution_context_class``."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from functools import cache
from typing import Any, ClassVar

from graphql import ExecutionResult, GraphQLError, default_field_resolver, default_type_resolver
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution.failures import NullPropagation, add_hidden
from execution.levels import Run
from execution.observed import run_of
from execution.ordinary import Paths
from execution.plan import Planner, SelectionPlan, only, shaping_variables
from execution.plans import Plans
from execution.steps import at_once, in_turns, stepped
from execution.variables import Given, entry_of

USUAL = (None, None, None, False, None, None, None)
"""What graphql-core's ``execute`` hands on from its resolvers to the last of its predicates where its caller says nothing of them, but for
how many errors of variables are wanted.
"""


class BreadthFirstExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation level by level.

    What it can't take it hands to graphql-core's executor; ``handed_over`` counts how often and why,
    over the life of the process.
    """

    handed_over: ClassVar[Counter[str]] = Counter()
    plans: ClassVar[Plans] = Plans()
    document: Any = None

    @classmethod
    def build(cls, schema: Any, document: Any, *args: Any, **kwargs: Any) -> Any:
        """As graphql-core's, and remembers the document, under which its plans are kept. Variables that fit are read by
        ``execution.variables``.
        """
        built = cls._ready(schema, document, *args, **kwargs) or super().build(schema, document, *args, **kwargs)
        if isinstance(built, cls):
            built.document = document
        return built

    @classmethod
    def _ready(
        cls,
        schema: Any,
        document: Any,
        root: Any = None,
        context: Any = None,
        variables: Any = None,
        name: Any = None,
        *more: Any,
        **kwargs: Any,
    ) -> Any:
        """An executor, where nothing is asked for but what is usual, and all variables fit. How many errors are wanted says nothing then: while
        it counted as unusual, each variable of each request was read twice.
        """
        if (*more[:3], *more[4:]) != USUAL:
            return None
        entry = entry_of(schema, document, name)
        values = variables.read if isinstance(variables, Given) else entry and entry.read(variables or {})
        if entry is None or values is None:
            return None
        whole = (schema, entry.fragment_definitions, entry.fragments, root, context, entry.operation, values)
        return cls(*whole, default_field_resolver, default_type_resolver, default_field_resolver, **kwargs)

    def execute_operation(self, serially: bool | None = None) -> Any:  # noqa: FBT001 - graphql-core's signature
        """The result, or an awaitable of it (when a resolver had to wait)."""
        reason = self._unfit()
        if reason is not None:
            self.handed_over[reason] += 1
            return super().execute_operation(serially)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return _finish_now(self._run(Run(self, overlaps=False)))
        return self._run(run_of(self))

    def _unfit(self) -> str | None:
        """Why this operation isn't for this executor, if so."""
        if self.middleware_manager is not None and self.middleware_manager.middlewares:
            # Made for one object at a time: custom directives, and extensions with a resolve of their own.
            return "middleware"
        if self.abort_signal is not None:
            return "abort signal"
        if self.schema.get_directive("defer") or self.schema.get_directive("stream"):
            return "incremental delivery"
        return None

    async def _plan(self, *, turns: bool) -> SelectionPlan:
        operation = self.operation
        root_type = self.schema.get_root_type(operation.operation)
        if root_type is None:
            raise GraphQLError(f"Schema is not configured to execute {operation.operation.value} operation.", operation)
        shaped: dict[int, tuple[str, ...]] = self.document.__dict__.setdefault("_shaped", {})
        names = shaped.get(id(operation))
        if names is None:
            names = shaped[id(operation)] = shaping_variables(operation, self.fragment_definitions)
        shaping = only(self.variable_values, names)
        # The key has the schema: a parsed document may be executed against more than one.
        key = (self.schema, id(operation), *(shaping.coerced.get(name) for name in names))
        plan = self.plans.get(self.document, key)
        if plan is None:
            planner = Planner(self.schema, operation, self.fragments, shaping)
            try:
                plan = await in_turns(planner.root(root_type)) if turns else at_once(planner.root(root_type))
            except RecursionError:
                raise GraphQLError("Selections are nested too deeply. Execution aborted.", operation) from None
            # The context's ``owner``, where it has one, is whom it counts for.
            owner = getattr(self.context_value, "owner", None)
            self.plans.keep(owner, self.document, key, plan, planner.made)
        return plan

    async def _run(self, run: Run) -> ExecutionResult:
        try:
            return await self._executed(run)
        finally:
            # graphql-core's helpers hold bound methods of the executor, and the executor them: a cycle that kept
            # the context, and with it all that was loaded, until the garbage collector came.
            self.async_helpers = None  # type: ignore[assignment]  # it ends a reference cycle

    async def _executed(self, run: Run) -> ExecutionResult:
        try:
            plan = await self._plan(turns=run.turns)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return ExecutionResult(None, self.collected_errors.errors)
        paths: Paths = [None] if plan.needs_paths else None
        # Field after field, whole subtree after subtree: for a mutation this is the serial order
        # that the specification asks for, and reads share one connection anyway.
        settled: dict[str, Any] | None
        try:
            [data] = await run.select(plan, [self.root_value], paths)
            settled = await self._settled_in_turns(run, plan, data) if run.failures else data
        finally:
            await run.forget_frames()
        return ExecutionResult(settled, self.collected_errors.errors or None)

    async def _settled_in_turns(self, run: Run, plan: SelectionPlan, data: dict[str, Any]) -> dict[str, Any] | None:
        if not run.turns:
            return self._settled(run, plan, data)
        return await in_turns(stepped(lambda _: self._settled(run, plan, data)))

    def _settled(self, run: Run, plan: SelectionPlan, data: dict[str, Any]) -> dict[str, Any] | None:
        """The answer with what failed made null, and its errors."""
        errors = self.collected_errors
        settling = NullPropagation(errors, run.types, run.broken, propagate=self.error_propagation)
        settled = settling.root(plan, data)
        if self.error_propagation and run.reports:
            add_hidden(errors, run.types, run.broken, run.reports, plan, data)
        return settled


@cache
def forgiving(executor: Any) -> Any:
    """An executor that doesn't propagate nulls: what failed is null with its error, and its neighbours stand."""

    class Forgiving(executor):  # type: ignore[misc]  # of whichever executor it is given
        @classmethod
        def build(cls, *args: Any, **kwargs: Any) -> Any:
            built = super().build(*args, **kwargs)
            if isinstance(built, cls):
                built.error_propagation = False
            return built

    return Forgiving


def _finish_now(running: Coroutine[Any, Any, ExecutionResult]) -> ExecutionResult:
    """Run to the end without an event loop: possible if no resolver waits (``execute_sync``)."""
    try:
        running.send(None)
    except StopIteration as finished:
        result: ExecutionResult = finished.value
        return result
    running.close()
    raise RuntimeError("GraphQL execution failed to complete synchronously.")
