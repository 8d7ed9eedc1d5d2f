"""Errors and nulls: what failed is marked where it stands, and settled at the end.

While levels are completed, a value that failed is a ``Failure`` in its place. Most answers have
none, and then nothing more is done. Otherwise one walk over the answer turns each into an error
with its path, and carries nulls up to the nearest parent that may be null, by the rules of the
specification and with graphql-core's own error collection.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any

from graphql import GraphQLError, GraphQLOutputType, is_list_type, is_non_null_type, located_error
from graphql.execution.executor import CollectedErrors
from graphql.pyutils import Path

from execution.plan import FieldPlan, SelectionPlan
from execution.steps import turn_if_stepped

MAX_PLACES = 250
"""Places at which one error is reported, such as that of a whole level. The others are null without an error of their own: a
denied field of 50,000 rows would be 10 MB of the same sentence, and half a second to write them."""

MAX_ERRORS = 500
"""Errors of an answer, beyond which each further one is reported once. 49 denied fields of 250 rows were 2 MB, in one step."""

OBJECTS, PER_ERROR = 1_000, 30
"""Objects that are looked at in one step, some two milliseconds, and in whose time an error is made."""


class Failure:
    """A value that could not be had, in its place in the answer; in many places, where a field failed for its level."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


class NullPropagation:
    """The walk that settles failures. ``types`` maps the identity of an object in the answer to its
    selection, for objects whose type is only known at run time. ``broken`` are the fields with a failure in them or
    below: the others stay as they are. ``places``: at how many a failure is reported. ``only``: the failures that are
    looked for; once each was met, the rest of the answer isn't walked."""

    def __init__(
        self,
        errors: CollectedErrors,
        types: dict[int, SelectionPlan],
        broken: AbstractSet[FieldPlan],
        *,
        propagate: bool,
        places: int = MAX_PLACES,
        only: AbstractSet[Failure] | None = None,
    ) -> None:
        self.errors = errors
        self.types = types
        self.broken = broken
        self.propagate = propagate
        self.places = places
        self.reported: Counter[int] = Counter()
        """How often, by the identity of what was raised: many values may have failed for the same."""
        self.count = 0
        self.done = 0
        self.missing = None if only is None else {*only}

    def root(self, selection: SelectionPlan, data: dict[str, Any]) -> dict[str, Any] | None:
        """The settled answer; None if a null reached the top."""
        try:
            return self._object(selection, data, None)
        except GraphQLError as error:
            self._report(error, None)
            return None

    def _object(self, selection: SelectionPlan, data: dict[str, Any], path: Path | None) -> dict[str, Any]:
        # A new object each time: one that several parents share fails at several paths.
        broken, typename = self.broken, selection.type.name
        self._step(1)
        return {
            plan.key: self._value(plan, plan.definition.type, data[plan.key], Path(path, plan.key, typename))
            if plan in broken
            else data[plan.key]
            for plan in selection.fields
        }

    def _value(self, plan: FieldPlan, type_: GraphQLOutputType, value: Any, path: Path) -> Any:
        if self.missing is not None and not self.missing:
            return None
        if is_non_null_type(type_):
            if self.propagate:
                return self._strict(plan, type_.of_type, value, path)
            type_ = type_.of_type
        if isinstance(value, Failure) and self._is_enough(value):
            return None
        try:
            return self._strict(plan, type_, value, path)
        except GraphQLError as error:
            self._report(error, path)
            return None

    def _step(self, work: int) -> None:
        """A turn for others every now and then: 300 errors held the loop for 30 ms."""
        self.done += work
        if self.done > OBJECTS:
            self.done = 0
            turn_if_stepped()

    def _is_enough(self, failure: Failure) -> bool:
        times = self.reported[id(failure.error)]
        return times > 0 and (times >= self.places or self.count >= MAX_ERRORS)

    def _report(self, error: GraphQLError, path: Path | None) -> None:
        # The frames that it came through hold the answer, and this, which holds the error: a circle that stays until the
        # garbage collector comes.
        error.__traceback__ = error.__context__ = None
        self.errors.add(error, path)

    def _strict(self, plan: FieldPlan, type_: GraphQLOutputType, value: Any, path: Path) -> Any:
        if isinstance(value, Failure):
            self.reported[id(value.error)] += 1
            self.count += 1
            self._step(PER_ERROR)
            if self.missing is not None:
                self.missing.discard(value)
            nodes = [details.node for details in plan.details]
            raise located_error(value.error, nodes, path.as_list())  # type: ignore[arg-type]  # as graphql-core calls it
        if value is None or not (plan.selections or is_list_type(type_)):
            return value
        if is_list_type(type_):
            return [
                self._value(plan, type_.of_type, item, path.add_key(index, None)) for index, item in enumerate(value)
            ]
        selection = self.types.get(id(value)) or next(iter(plan.selections.values()))
        return self._object(selection, value, path)


def add_hidden(
    errors: CollectedErrors,
    types: dict[int, SelectionPlan],
    broken: AbstractSet[FieldPlan],
    reports: AbstractSet[Failure],
    selection: SelectionPlan,
    data: dict[str, Any],
) -> None:
    """Add the errors that a null higher up has hidden and that are ``always_reported``: each failure once, where it
    stands first. A client that lacks three permissions shouldn't learn of them one by one.

    ``data`` is the answer before it was settled. To walk all of it for an error that stands in each row held the loop
    for 30 ms.
    """
    known = {id(root_cause(error)) for error in errors.errors}
    hidden = CollectedErrors()
    NullPropagation(hidden, types, broken, propagate=False, places=1, only=reports).root(selection, data)
    for error in hidden.errors:
        cause = root_cause(error)
        if getattr(cause, "always_reported", False) and id(cause) not in known:
            errors.errors.append(error)


def root_cause(error: BaseException) -> BaseException:
    """What was raised, without the errors around it that tell where."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error
