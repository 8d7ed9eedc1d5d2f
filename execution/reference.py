"""Batch fields under graphql-core's own executor: the reference that the other is compared with.

graphql-core resolves object by object. A loader per field, arguments and selection gathers the
objects that it meets in one turn of the event loop and resolves them as one batch.
"""

from inspect import isawaitable, iscoroutinefunction
from typing import Any

from aiodataloader import DataLoader
from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.values import VariableValues

from execution.fields import Batch, BatchField, Shared, declared, filled
from execution.plan import FieldPlan, Planner
from execution.steps import at_once


def attach(schema: GraphQLSchema) -> None:
    """Give every batch field of a schema the resolver that graphql-core's executor calls.

    The request's context must have a dictionary ``batches``, new for each request.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                batch = declared(field)
                if batch is not None:
                    field.resolve = _resolver(batch, field)


class _Batches(DataLoader[Any, Any]):
    """Gathers sources of one field. Sources are no keys: they aren't compared or cached."""

    def __init__(self, batch: BatchField, args: dict[str, Any], context: Any, plan: FieldPlan) -> None:
        super().__init__(cache=False)
        self.parts = (batch, args, context, plan)

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        batch, args, context, plan = self.parts
        # The root has no source; a loader takes no None, so it stands in a tuple.
        found = batch.resolve_batch(Batch([source for (source,) in keys], args, context, plan))
        values = await found if isawaitable(found) else found
        return values.each() if isinstance(values, Shared) else list(values)


def _resolver(batch: BatchField, field: GraphQLField) -> Any:
    if not iscoroutinefunction(batch.resolve_batch):
        # Nothing to wait for, so nothing to gather: a batch of one.
        def resolve_now(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
            if batch.permission is not None:
                info.context.require(batch.permission)
            values: Any = batch.resolve_batch(Batch([source], filled(field, args), info.context, _planned(info)))
            (value,) = values.each() if isinstance(values, Shared) else values
            return value

        return resolve_now

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        if batch.permission is not None:
            info.context.require(batch.permission)
        batches = info.context.batches
        key = (info.parent_type.name, *(id(node) for node in info.field_nodes))
        gathered = batches.get(key)
        if gathered is None:
            gathered = batches[key] = _Batches(batch, filled(field, args), info.context, _planned(info))
        return gathered.load((source,))

    return resolve


def _planned(info: GraphQLResolveInfo[Any]) -> FieldPlan:
    """The field's plan, made once per request: it tells the columns of the rows below."""
    plans = info.context.batches
    key = ("plan", info.parent_type.name, *(id(node) for node in info.field_nodes))
    found: FieldPlan | None = plans.get(key)
    if found is None:
        found = plans[key] = _plan(info)
    return found


def _plan(info: GraphQLResolveInfo[Any]) -> FieldPlan:
    fragments = {name: FragmentDetails(definition) for name, definition in info.fragments.items()}
    variables = VariableValues({}, info.variable_values)  # type: ignore[arg-type]  # they are coerced already
    planner = Planner(info.schema, info.operation, fragments, variables)
    details = [FieldDetails(node, None) for node in info.field_nodes]
    plan = at_once(planner.field(info.parent_type, str(info.path.key), details))
    if plan is None:
        raise RuntimeError("graphql-core resolves no field that its type doesn't have")
    return plan
