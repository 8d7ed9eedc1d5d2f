"""``@oneOf`` inputs: what graphql-core needs to know, and what it overlooks."""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    NonNullTypeNode,
    OperationDefinitionNode,
    ValidationRule,
    get_nullable_type,
    print_ast,
)


def describe_one_ofs(schema: GraphQLSchema) -> None:
    """Tell graphql-core which inputs are ``@oneOf``: its own rules hold them to it then.

    Strawberry 0.341 keeps that to itself, and its own rule for it fails on a valid document in which a fragment
    that uses a variable in such an input stands before the operation, or behind another one.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType) and "strawberry-definition" in type_.extensions:
            type_.is_one_of = type_.extensions["strawberry-definition"].is_one_of
    meta: Any = schema.type_map["__Type"]
    meta.fields["isOneOf"].resolve = _is_one_of


def _is_one_of(type_: Any, _info: Any) -> bool | None:
    """``__Type.isOneOf``: null of what is no input object (GraphQL, section 4.2.2). Strawberry 0.341 has a resolver of its own, which
    fails on lists and non-null types.
    """
    return type_.is_one_of if isinstance(type_, GraphQLInputObjectType) else None


class OneOfVariables(ValidationRule):
    """A variable in a ``@oneOf`` input can't be null. Graphql-core 3.3 has that rule for inputs that may be null
    themselves: of ``by: ProductRef!`` it sees that the type is a non-null one, and no input.
    """

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_: Any) -> None:
        definitions = {each.variable.name.value: each for each in operation.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(operation):
            name, type_ = usage.node.name.value, get_nullable_type(usage.parent_type)
            definition = definitions.get(name)
            if (
                definition is not None
                and not isinstance(definition.type, NonNullTypeNode)
                and isinstance(type_, GraphQLInputObjectType)
                and type_.is_one_of
                and type_ is not usage.parent_type
            ):
                self.report_error(
                    GraphQLError(
                        f"Variable '${name}' is of type '{print_ast(definition.type)}' but must be non-nullable to be"
                        f" used for OneOf Input Object '{type_.name}'.",
                        [definition, usage.node],
                    )
                )
