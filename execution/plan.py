"""The plan of an operation: which fields each level has, worked out once per document.

A plan depends on the document, the operation and the variables that decide a ``@skip`` or an
``@include``; nothing else. It is made with graphql-core's own ``collect_fields``, so that merging,
fragments and type conditions are those of the reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from inspect import iscoroutinefunction
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values

from execution.documents.places import path_to
from execution.fields import BatchField, cost_of, declared, filled
from execution.steps import EVERY, Steps

NO_VARIABLES = VariableValues({}, {})

MAX_DEPTH = 50
"""Levels of a plan. Each takes a few frames of Python's stack when it runs, so there has to be a bound."""

MAX_COMPILED = 100
"""Keys of an object for which a function is compiled and kept; who asks for more gets a slower way."""

MAX_FIELDS = 10_000
"""Fields of a plan. Fragments within fragments let a short document select exponentially many."""


@dataclass(slots=True, eq=False)
class FieldPlan:
    """One field of a level: what it is called in the answer, and what is selected below it."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    batch: BatchField | None
    constant: dict[str, Any] | None
    """The arguments, if no variable is in them."""
    selections: dict[str, "SelectionPlan"] = field(default_factory=dict)
    """What is selected of each object type that the field can return, by the type's name."""
    needs: frozenset[str] = frozenset()
    """The columns that the parent's row must have for this field and all that is made of it."""
    needs_paths: bool = False
    """Whether this field or one below it has an ordinary resolver, which wants to know its path."""
    waits: bool = False
    """Whether this field or one below it has a resolver that may wait, for a database say."""
    at_once: bool = False
    """Whether its values are leaves in their final form, and there without waiting."""
    leaf: bool = False
    text: bool = False
    """Whether its leaves may have any length, and so are measured."""
    cost: int = 0
    """What each of its values costs, in tenths of a point."""
    _columns: dict[str | None, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.details[0].node.name.value

    def arguments(self, variables: VariableValues) -> dict[str, Any]:
        """The coerced arguments; raises ``GraphQLError`` where a variable doesn't fit."""
        if self.constant is not None:
            return self.constant
        node = self.details[0].node
        try:
            given = get_argument_values(self.definition, node, variables, hide_suggestions=True)
            return given if self.batch is None else filled(self.definition, given)
        except GraphQLError as error:
            # Of a variable that may be null where null may not stand; its node says where.
            at: Node = error.nodes[0] if error.nodes else node
            extensions = {"argumentPath": [*(path_to(node, at) or ())]}
            raise GraphQLError(error.message, at, extensions=extensions) from None

    def columns(self, typename: str | None = None) -> tuple[str, ...]:
        """The columns needed of the rows that this field returns, sorted."""
        found = self._columns.get(typename)
        if found is None:
            chosen = self.selections.values() if typename is None else [self.selections[typename]]
            found = tuple(sorted(frozenset[str]().union(*(selection.needs for selection in chosen))))
            self._columns[typename] = found
        return found


@dataclass(slots=True, eq=False)
class SelectionPlan:
    """The fields selected of one object type, in the order of the answer."""

    type: GraphQLObjectType
    fields: list[FieldPlan]
    path: str
    """Where in the answer these objects are: response names with dots between, empty for the root."""
    build: Callable[..., list[dict[str, Any]]] = list
    needs: frozenset[str] = frozenset()
    needs_paths: bool = False
    waits: bool = False
    overlaps: bool = False
    """Whether some fields may wait and others don't, so that these can be read meanwhile."""
    cost: int = 0
    """What each of these objects costs with its leaves, in tenths of a point."""
    fixed: int = 0
    """Bytes that each of them has in the answer at the least, besides its texts and what stands below it."""
    leaves: int = 0
    texts: tuple[int, ...] = ()
    """The places of the fields whose leaves are measured."""

    def __post_init__(self) -> None:
        # Of a type that no fragment is about nothing is selected: { node(id: …) { ... on Order { number } } }.
        if self.fields:
            keys = tuple(plan.key for plan in self.fields)
            self.build = builder(keys) if len(keys) <= MAX_COMPILED else partial(zipped, keys)
        self.needs = frozenset[str]().union(*(plan.needs for plan in self.fields))
        self.needs_paths = any(plan.needs_paths for plan in self.fields)
        self.waits = any(plan.waits for plan in self.fields)
        self.overlaps = self.waits and not all(plan.waits for plan in self.fields)
        leaves = [plan for plan in self.fields if plan.leaf]
        self.leaves = len(leaves)
        self.cost += sum(plan.cost for plan in leaves)
        self.fixed = 1 + sum(len(plan.key) + 4 + shortest(plan) for plan in self.fields)
        self.texts = tuple(index for index, plan in enumerate(self.fields) if plan.text)


def shortest(plan: FieldPlan) -> int:
    """Bytes that a field's value has at the least, as far as that is known; none for objects, which have their own."""
    if not plan.leaf:
        return 0
    if plan.batch is not None and plan.batch.width is not None:
        return plan.batch.width
    return 2 if plan.text else 1


def zipped(keys: tuple[str, ...], *columns: Sequence[Any]) -> list[dict[str, Any]]:
    """What ``builder`` makes a function for, without one."""
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]


@lru_cache(maxsize=1_024)
def builder(keys: tuple[str, ...]) -> Callable[..., list[dict[str, Any]]]:
    """A function that makes objects with these keys of as many columns of values.

    Compiled, so that each object is one dictionary display: a third of the time of ``dict(zip(…))``.
    What goes into the source text are names by GraphQL's grammar, letters, digits and underscores.
    """
    if not all(key.isidentifier() and key.isascii() for key in keys):
        raise ValueError(keys)
    names = [f"v{index}" for index in range(len(keys))]
    display = ", ".join(f"{key!r}: {name}" for key, name in zip(keys, names, strict=True))
    source = f"lambda *columns: [{{{display}}} for {', '.join(names)}, in zip(*columns)]"
    return eval(source, {"__builtins__": {}, "zip": zip})  # type: ignore[no-any-return]  # noqa: S307 - only names, checked above


@dataclass(slots=True)
class Planner:
    """Makes plans for one operation of one document."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    made: int = 0
    depth: int = 0

    def root(self, root_type: GraphQLObjectType) -> Steps[SelectionPlan]:
        """The plan of the operation, in steps; raises ``GraphQLError`` as graphql-core does."""
        collected = collect_fields(
            self.schema, self.fragments, self.variables, root_type, self.operation, hide_suggestions=True
        )
        return (yield from self._selection(root_type, collected.grouped_field_set, ""))

    def field(
        self, parent: GraphQLObjectType, key: str, details: list[FieldDetails], path: str = ""
    ) -> Steps[FieldPlan | None]:
        """The plan of one field and all below it, in steps; None for a field that the type doesn't have."""
        node = details[0].node
        self.made += 1
        if self.made % EVERY == 0:
            yield
        if self.made > MAX_FIELDS:
            raise GraphQLError(f"The document selects more than {MAX_FIELDS} fields.", node)
        if self.depth > MAX_DEPTH:
            raise GraphQLError(f"The document is nested more than {MAX_DEPTH} levels deep.", node)
        definition = self.schema.get_field(parent, node.name.value)
        if definition is None:
            return None
        batch = declared(definition)
        plan = FieldPlan(key, parent, definition, details, batch, self._constant(definition, node))
        named = get_named_type(definition.type)
        plan.leaf, plan.cost = is_leaf_type(named), cost_of(definition)
        plan.text = plan.leaf and not is_short(named) and (batch is None or batch.width is None)
        self.depth += 1
        plan.selections = yield from self._below(plan, details, f"{path}.{key}" if path else key)
        self.depth -= 1
        below = plan.selections.values()
        if batch is not None:
            passed = (selection.needs for selection in below) if batch.passes else ()
            plan.needs = batch.needs.union(*passed)
        plan.needs_paths = (batch is None and runs_resolver(node)) or any(selection.needs_paths for selection in below)
        late = batch is not None and iscoroutinefunction(batch.resolve_batch)
        plan.waits = plan.needs_paths or late or any(selection.waits for selection in below)
        plan.at_once = batch is not None and batch.final and not plan.waits
        return plan

    def _selection(
        self, type_: GraphQLObjectType, grouped: GroupedFieldSet, path: str, cost: int = 0
    ) -> Steps[SelectionPlan]:
        plans = []
        for key, details in grouped.items():
            plan = yield from self.field(type_, key, details, path)
            if plan is not None:
                plans.append(plan)
        return SelectionPlan(type_, plans, path, cost=cost)

    def _below(self, plan: FieldPlan, details: list[FieldDetails], path: str) -> Steps[dict[str, SelectionPlan]]:
        found: dict[str, SelectionPlan] = {}
        if plan.leaf:
            return found
        named: Any = get_named_type(plan.definition.type)
        possible = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
        for object_type in possible:
            collected = collect_subfields(
                self.schema, self.fragments, self.variables, self.operation, object_type, details, True
            )
            found[object_type.name] = yield from self._selection(
                object_type, collected.grouped_field_set, path, plan.cost
            )
        return found

    def _constant(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
        if not definition.args:
            return {}
        if any(has_variable(argument.value) for argument in node.arguments or ()):
            return None
        try:
            given = get_argument_values(definition, node, NO_VARIABLES, hide_suggestions=True)
            return given if declared(definition) is None else filled(definition, given)
        except Exception:
            return None


SHORT = frozenset({"Int", "Float", "Boolean"})


def is_short(leaf: Any) -> bool:
    """Whether values of a type never are long."""
    return is_enum_type(leaf) or leaf.name in SHORT


def runs_resolver(node: FieldNode) -> bool:
    """Whether a field without a batch resolver runs a resolver at all: ``__typename`` does not."""
    return node.name.value != "__typename"


def has_variable(node: Node) -> bool:
    """Whether a literal has a variable somewhere in it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, VariableNode):
            return True
        waiting += [field.value for field in getattr(current, "fields", None) or ()]
        waiting += getattr(current, "values", None) or ()
    return False


def shaping_variables(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """The names of the variables that decide a ``@skip`` or an ``@include``, sorted."""
    names: set[str] = set()
    waiting: list[Any] = [operation, *fragments.values()]
    while waiting:
        node = waiting.pop()
        for directive in getattr(node, "directives", None) or ():
            names.update(
                argument.value.name.value
                for argument in directive.arguments or ()
                if isinstance(argument.value, VariableNode)
            )
        selection_set = getattr(node, "selection_set", None)
        if selection_set is not None:
            waiting += selection_set.selections
    return tuple(sorted(names))


def only(variables: VariableValues, names: tuple[str, ...]) -> VariableValues:
    """The variables with these names: a plan keeps no more of a request than what shaped it."""
    return VariableValues(
        {name: variables.sources[name] for name in names if name in variables.sources},
        {name: variables.coerced[name] for name in names if name in variables.coerced},
    )
