"""A Strawberry schema whose types can be extended by other modules, for either executor."""

from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import Any, TypeVar

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from execution.documents.inputs import unfit_variables
from execution.documents.one_of import describe_one_ofs
from execution.executor import BreadthFirstExecutor, forgiving
from execution.reference import attach
from execution.steps import in_turns, stepped
from execution.variables import Given, entry_of

T = TypeVar("T", bound=type)


def extends(target: type) -> Callable[[T], T]:
    """Mark a class whose annotated fields belong to another type, ``target``.

    The class is given to ``ExtensibleSchema(extend=…)``; without it, ``target`` doesn't have the
    fields. So an upper module adds to a lower module's type, and the lower one knows nothing of it.
    """

    def mark(cls: T) -> T:
        definition = get_object_definition(target, strict=True)
        decorated = strawberry.input(cls) if definition.is_input else strawberry.type(cls)
        decorated.__extends__ = target  # type: ignore[attr-defined]  # marked by extends()
        return decorated

    return mark


class ExtensibleSchema(strawberry.Schema):
    """A schema with batch fields, extended types and a choice of executor.

    ``breadth_first=False`` takes graphql-core's own executor: the reference.
    """

    def __init__(self, *args: Any, extend: Iterable[type] = (), breadth_first: bool = True, **kwargs: Any) -> None:
        self.added: dict[type, list[StrawberryField]] = {}
        for cls in extend:
            fields = get_object_definition(cls, strict=True).fields
            self.added.setdefault(cls.__extends__, []).extend(fields)  # type: ignore[attr-defined]  # marked by extends()
        if breadth_first:
            kwargs["execution_context_class"] = BreadthFirstExecutor
        super().__init__(*args, **kwargs)
        describe_one_ofs(self._schema)
        attach(self._schema)

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """graphql-core's schema, for which Strawberry has no public name."""
        return self._schema

    async def execute_document(
        self,
        document: DocumentNode,
        variables: dict[str, Any] | None = None,
        *,
        context: Any = None,
        operation: str | None = None,
        propagate: bool = True,
        helps: bool = True,
    ) -> ExecutionResult:
        """Execute a document that was parsed and validated already (``Documents.get``). Without ``propagate`` a field
        that failed is null and nothing else, whatever its type says. ``helps``: whether errors in the variables may name what the schema has.

        Without Strawberry's ``execute``: for such a document it looks for extensions, and wraps every step for
        them, which took 8 % of the time of a query of 20 rows. Strawberry's extensions aren't run.
        """
        given = variables or {}
        entry = entry_of(self._schema, document, operation)
        if entry is not None:
            read = await entry.read_in_turns(given)
            if read is not None:
                given = Given(given, read)
            # graphql-core would look at all of them first, in one step: to refuse 160 kB of conditions held the loop for 21 ms.
            elif unfit := await in_turns(
                stepped(lambda _: unfit_variables(self._schema, document, operation, given, helps=helps))
            ):
                return ExecutionResult(None, unfit)
        executor: Any = self.execution_context_class
        result = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=given,
            operation_name=operation,
            # Whether the variables fit; what is wrong with them is found below, in words that help.
            max_coercion_errors=1,
            hide_suggestions=True,
            executor_class=executor if propagate else forgiving(executor),
        )
        if isawaitable(result):
            return await result
        if entry is None and result.data is None and not any(error.path for error in result.errors or ()):
            # Nothing was executed, and the variables weren't looked at above. Most likely one didn't fit.
            unfit = unfit_variables(self._schema, document, operation, given, helps=helps)
            return ExecutionResult(None, unfit) if unfit else result
        return result

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The fields of a type, with those that other modules add to it."""
        return [*type_definition.fields, *self.added.get(type_definition.origin, ())]
