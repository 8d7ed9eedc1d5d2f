"""One query through both executors, and the rule by which their answers are the same.

The rule and its reasons: docs/decisions/0007-comparison.md.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from graphql import DocumentNode, ExecutionResult
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution import BreadthFirstExecutor, Documents, ExtensibleSchema

Path = tuple[str | int, ...]


class Case(NamedTuple):
    """A document, the variables to run it with one after another, and the operation that is meant."""

    text: str
    variables: list[dict[str, Any]]
    operation: str | None = None


class Problem(NamedTuple):
    """An error, as far as a client sees it."""

    path: Path
    message: str
    locations: tuple[tuple[int, int], ...]
    extensions: str


class Outcome(NamedTuple):
    """An answer. ``text`` is the data as they are sent, so that the order of keys counts."""

    data: Any
    text: bytes
    errors: list[Problem]


class Difference(AssertionError):
    """The executors disagree."""


def outcome(result: ExecutionResult) -> Outcome:
    errors = [
        Problem(
            tuple(error.path or ()),
            error.message,
            tuple((place.line, place.column) for place in error.locations or ()),
            repr(sorted((error.extensions or {}).items())),
        )
        for error in result.errors or ()
    ]
    return Outcome(result.data, orjson.dumps(result.data), errors)


class _Forgiving(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor without propagation: every error is reported, and its field alone is null."""

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        built: Any = super().build(*args, **kwargs)
        if isinstance(built, cls):
            built.error_propagation = False
        return built


class _ForgivingBreadthFirst(BreadthFirstExecutor):
    """The same for the breadth-first executor."""

    @classmethod
    def build(cls, schema: Any, document: Any, *args: Any, **kwargs: Any) -> Any:
        built = super().build(schema, document, *args, **kwargs)
        if isinstance(built, cls):
            built.error_propagation = False
        return built


Ask = Callable[[ExtensibleSchema, DocumentNode, str | None, dict[str, Any]], Awaitable[ExecutionResult]]


@dataclass(slots=True)
class Expected:
    """What graphql-core says of a case with one set of variables. ``every`` is its answer without
    propagation, which was only asked for where there are errors."""

    case: Case
    variables: dict[str, Any]
    answer: Outcome
    every: Outcome | None


@dataclass
class Comparison:
    """Both executors on one schema. ``make(breadth_first)`` builds it, ``ask`` executes a document on it."""

    make: Callable[[bool], ExtensibleSchema]
    ask: Ask
    schemas: dict[type, ExtensibleSchema] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for executor in (
            StrawberryGraphQLCoreExecutionContext,
            _Forgiving,
            BreadthFirstExecutor,
            _ForgivingBreadthFirst,
        ):
            schema: Any = self.make(issubclass(executor, BreadthFirstExecutor))
            schema.execution_context_class = executor
            self.schemas[executor] = schema
        self.forget()

    def forget(self) -> None:
        """Keep no document, and so no plan. All schemas share one store: they differ in their executor alone."""
        self.documents = Documents(self.schemas[BreadthFirstExecutor]._schema)

    async def expect(self, case: Case, variables: dict[str, Any]) -> Expected:
        """What the reference says."""
        answer = await self._run(StrawberryGraphQLCoreExecutionContext, case, variables)
        every = await self._run(_Forgiving, case, variables) if answer.errors else None
        return Expected(case, variables, answer, every)

    async def check(self, expected: Expected) -> bool:
        """Whether the breadth-first executor says the very same; raises ``Difference`` where it says
        something that the rule doesn't allow."""
        case, variables, reference, every = expected.case, expected.variables, expected.answer, expected.every
        before = BreadthFirstExecutor.handed_over.total()
        mine = await self._run(BreadthFirstExecutor, case, variables)
        agree(mine, reference, every or reference)
        if every is not None:
            agree_exactly(await self._run(_ForgivingBreadthFirst, case, variables), every)
        if BreadthFirstExecutor.handed_over.total() != before:
            raise Difference(f"handed over: {BreadthFirstExecutor.handed_over}")
        return mine.errors == reference.errors

    async def _run(self, executor: type, case: Case, variables: dict[str, Any]) -> Outcome:
        document = self.documents.get(case.text)
        if document.errors:
            return outcome(ExecutionResult(None, document.errors))
        return outcome(await self.ask(self.schemas[executor], document.node, case.operation, variables))


def agree_exactly(mine: Outcome, reference: Outcome) -> None:
    """The same data and the same errors, in whatever order."""
    if mine.text != reference.text:
        raise Difference(f"data: {mine.text!r} is not {reference.text!r}")
    if Counter(mine.errors) != Counter(reference.errors):
        raise Difference(f"errors: {sorted(mine.errors)} are not {sorted(reference.errors)}")


def agree(mine: Outcome, reference: Outcome, every: Outcome) -> None:
    """The same data; and for each null that errors made, errors that may have made it."""
    if mine.text != reference.text:
        raise Difference(f"data: {mine.text!r} is not {reference.text!r}")
    if Counter(mine.errors) == Counter(reference.errors):
        return
    places = [{place(error.path, reference.data) for error in each.errors} for each in (mine, reference)]
    if places[0] != places[1]:
        raise Difference(f"nulls with an error: {places[0]} are not {places[1]}")
    for each in (mine, reference):
        if invented := Counter(each.errors) - Counter(every.errors):
            raise Difference(f"errors that nothing caused: {invented}")


def place(path: Path, data: Any) -> Path:
    """The null that an error led to: the shortest beginning of its path at which the data end."""
    for length, key in enumerate(path):
        if data is None:
            return path[:length]
        data = data[key]
    if data is not None:
        raise Difference(f"an error at {path}, where there are data")
    return path
