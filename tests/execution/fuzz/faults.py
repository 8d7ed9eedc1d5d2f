"""Faults to plant in the breadth-first executor, each a small mistake that someone might make.

They prove that the comparison can fail: every one must be found. Each patches one function.
"""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLList, GraphQLNonNull, is_list_type, is_non_null_type
from graphql.execution import collect_fields
from graphql.execution.values import get_argument_values

from execution import failures, plan
from execution.failures import Failure, NullPropagation
from execution.levels import Run
from execution.plan import FieldPlan, Planner, SelectionPlan

Plant = Callable[[pytest.MonkeyPatch], None]


def null_one_level_too_far(patch: pytest.MonkeyPatch) -> None:
    """A null that a nullable item of a list should stop takes the whole list."""
    original = NullPropagation._value

    def value(self: NullPropagation, field: FieldPlan, type_: Any, given: Any, path: Any) -> Any:
        if is_list_type(type_) and not is_non_null_type(type_.of_type):
            type_ = GraphQLList(GraphQLNonNull(type_.of_type))
        return original(self, field, type_, given, path)

    patch.setattr(NullPropagation, "_value", value)


def null_stays(patch: pytest.MonkeyPatch) -> None:
    """A null stands where there may be none."""
    original = NullPropagation._value

    def value(self: NullPropagation, field: FieldPlan, type_: Any, given: Any, path: Any) -> Any:
        return original(self, field, type_.of_type if is_non_null_type(type_) else type_, given, path)

    patch.setattr(NullPropagation, "_value", value)


def no_index_in_paths(patch: pytest.MonkeyPatch) -> None:
    """The path of an error in a list doesn't say where in the list."""
    original = failures.located_error  # type: ignore[attr-defined]  # imported there, not exported

    def located(error: Any, nodes: Any, path: list[str | int]) -> Any:
        return original(error, nodes, [key for key in path if isinstance(key, str)])

    patch.setattr(failures, "located_error", located)


def aliases_merged(patch: pytest.MonkeyPatch) -> None:
    """Fields of one name under several aliases are all the first of them."""
    original = Planner._selection

    def selection(self: Planner, type_: Any, grouped: Any, path: str, cost: int = 0) -> Any:
        first: dict[str, Any] = {}
        merged = {key: first.setdefault(details[0].node.name.value, details) for key, details in grouped.items()}
        return original(self, type_, merged, path, cost)

    patch.setattr(Planner, "_selection", selection)


def directives_of_fragments_ignored(patch: pytest.MonkeyPatch) -> None:
    """What a switch leaves out is there all the same: every switch counts as on, ``@skip`` as off."""
    original = plan.collect_subfields  # type: ignore[attr-defined]  # imported there, not exported

    def collect(schema: Any, fragments: Any, variables: Any, operation: Any, *rest: Any) -> Any:
        true = dict.fromkeys(variables.coerced, True)
        return original(schema, fragments, type(variables)(variables.sources, true), operation, *rest)

    patch.setattr(plan, "collect_subfields", collect)


def shared_fails_once(patch: pytest.MonkeyPatch) -> None:
    """An object that several parents share reports its errors at the first only."""
    original = NullPropagation._object
    settled: dict[int, Any] = {}

    def settle(self: NullPropagation, selection: SelectionPlan, data: Any, path: Any) -> Any:
        if id(data) not in settled:
            settled[id(data)] = (original(self, selection, data, path), data)
        return settled[id(data)][0]

    patch.setattr(NullPropagation, "_object", settle)


def interface_fragments_dropped(patch: pytest.MonkeyPatch) -> None:
    """A fragment on an interface selects nothing of the types that implement it."""

    def matches(_schema: Any, fragment: Any, type_: Any) -> bool:
        return fragment.type_condition is None or fragment.type_condition.name.value == type_.name

    patch.setattr(collect_fields, "does_fragment_condition_match", matches)


def defaults_ignored(patch: pytest.MonkeyPatch) -> None:
    """An argument that isn't given is left out, whatever its default."""

    def arguments(definition: Any, node: Any, variables: Any, **options: Any) -> dict[str, Any]:
        given = {argument.name.value for argument in node.arguments or ()}
        coerced = get_argument_values(definition, node, variables, **options)
        return {name: value for name, value in coerced.items() if name in given}

    patch.setattr(plan, "get_argument_values", arguments)


def keys_sorted(patch: pytest.MonkeyPatch) -> None:
    """Objects have their keys in alphabetical order."""
    original = SelectionPlan.__post_init__

    def post_init(self: SelectionPlan) -> None:
        self.fields.sort(key=lambda field: field.key)
        original(self)

    patch.setattr(SelectionPlan, "__post_init__", post_init)


def list_cut_short(patch: pytest.MonkeyPatch) -> None:
    """Of lists of more than two items the last is missing, where a level's lists are cut apart."""
    original = Run._lists

    async def lists(self: Run, *args: Any) -> list[Any]:
        completed = await original(self, *args)
        return [each[:-1] if isinstance(each, list) and len(each) > 2 else each for each in completed]

    patch.setattr(Run, "_lists", lists)


def nulls_not_refused(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a value that must not be null is null."""
    patch.setattr(Run, "_refuse_nulls", lambda _self, _plan, values: values)


def plan_for_any_switches(patch: pytest.MonkeyPatch) -> None:
    """A plan made for one choice of ``@skip`` and ``@include`` is taken for every other."""
    original = Planner.root
    made: dict[int, Any] = {}

    def root(self: Planner, root_type: Any) -> Any:
        kept = made.get(id(self.operation))
        if kept is None:
            plan = yield from original(self, root_type)
            kept = made[id(self.operation)] = (plan, self.operation)
        return kept[0]

    patch.setattr(Planner, "root", root)


def typename_of_interface(patch: pytest.MonkeyPatch) -> None:
    """``__typename`` tells the first type of a union or interface for all of them."""
    original = Run._by_type

    async def by_type(self: Run, field: FieldPlan, *rest: Any) -> Any:
        groups = await original(self, field, *rest)
        return [(field.selections[min(field.selections)], members) for _selection, members in groups]

    patch.setattr(Run, "_by_type", by_type)


def errors_as_values(patch: pytest.MonkeyPatch) -> None:
    """An error that a resolver returns, not raises, is nothing but a null."""
    original = Run._failed

    def failed(self: Run, value: Any) -> Any:
        return None if isinstance(value, Exception) else original(self, value)

    patch.setattr(Run, "_failed", failed)
    leaf = Run._leaf
    patch.setattr(
        Run, "_leaf", lambda self, type_, value: leaf(self, type_, None if isinstance(value, Exception) else value)
    )


def parents_mixed_up(patch: pytest.MonkeyPatch) -> None:
    """Objects of several parents come back in the order in which their types were met."""

    def mixing(original: Any) -> Any:
        async def mixed(self: Run, *given: Any) -> list[Any]:
            completed = await original(self, *given)
            live = [value for value in completed if value is not None and not isinstance(value, Failure)]
            return [*live, *[None] * (len(completed) - len(live))]

        return mixed

    for way in ("_rows", "_shared"):
        patch.setattr(Run, way, mixing(getattr(Run, way)))


def columns_as_they_come(patch: pytest.MonkeyPatch) -> None:
    """Where leaves are read while another field waits, values stand under the keys of those that came before."""
    original = Run._overlapped

    async def overlapped(self: Run, selection: SelectionPlan, *rest: Any) -> list[Any]:
        columns = await original(self, selection, *rest)
        come = sorted(zip(selection.fields, columns, strict=True), key=lambda each: each[0].waits)
        return [column for _field, column in come]

    patch.setattr(Run, "_overlapped", overlapped)


FAULTS: list[Plant] = [
    null_one_level_too_far,
    null_stays,
    no_index_in_paths,
    aliases_merged,
    directives_of_fragments_ignored,
    shared_fails_once,
    interface_fragments_dropped,
    defaults_ignored,
    keys_sorted,
    list_cut_short,
    nulls_not_refused,
    plan_for_any_switches,
    typename_of_interface,
    errors_as_values,
    parents_mixed_up,
    columns_as_they_come,
]
