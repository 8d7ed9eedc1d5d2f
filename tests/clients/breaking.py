"""Whether ``schema.graphql`` breaks clients of an earlier one: ``python -m tests.clients.breaking``, in ``make check``.

The earlier one is that of ERPGRAPH_SCHEMA_BASE (a git revision; in CI what was there before the push), or of where this
branch left ``origin/HEAD``, or the last commit's. What was deprecated there, and whose day of removal is over, may go.

graphql-core finds the changes, so no Node is needed; ``make test-clients`` confirms them with graphql-inspector.
"""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    GraphQLDeprecatedDirective,
    GraphQLSchema,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    build_schema,
    find_breaking_changes,
    get_directive_values,
    get_named_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_union_type,
    parse,
    visit,
)

from schema.deprecation import read
from tests.support.command import ROOT

SCHEMA = "schema.graphql"


def breaking_changes(before: str, after: str, today: date) -> list[str]:
    """What a client of the one schema can't rely on in the other, and was not told to leave in time. Sorted."""
    left = visit(parse(before), _Departed(today))
    reached = _reached(build_ast_schema(left))
    met = [each for each in left.definitions if not isinstance(each, TypeDefinitionNode) or each.name.value in reached]
    kept = build_ast_schema(DocumentNode(definitions=tuple(met)))
    return sorted(change.description for change in find_breaking_changes(kept, build_schema(after)))


class _Departed(Visitor):
    """Leaves out what is deprecated and whose day is over."""

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today

    def _leave(self, node: Any, *_: Any) -> Any:
        told = get_directive_values(GraphQLDeprecatedDirective, node)
        if told is None:
            return None
        removal = read(told["reason"]).removal
        return REMOVE if removal is None or removal < self.today else None

    leave_field_definition = leave_input_value_definition = leave_enum_value_definition = _leave


def _reached(schema: GraphQLSchema) -> set[str]:
    """Names of the types that a request can still meet."""
    found: set[str] = set()
    left: list[Any] = [schema.query_type, schema.mutation_type, schema.subscription_type]
    while left:
        kind = left.pop()
        if kind is None or kind.name in found:
            continue
        found.add(kind.name)
        if is_object_type(kind) or is_interface_type(kind):
            left += kind.interfaces
            for field in kind.fields.values():
                left += [get_named_type(each.type) for each in (field, *field.args.values())]
        elif is_input_object_type(kind):
            left += [get_named_type(field.type) for field in kind.fields.values()]
        if is_interface_type(kind) or is_union_type(kind):
            left += schema.get_possible_types(kind)
    return found


def base() -> str:
    """The revision to compare with."""
    given = os.environ.get("ERPGRAPH_SCHEMA_BASE")
    return given or git("merge-base", "HEAD", "origin/HEAD").strip() or "HEAD"


def committed(revision: str) -> str:
    """The schema of a revision; empty where it had none, or where this is no checkout."""
    return git("show", f"{revision}:{SCHEMA}")


def git(*arguments: str) -> str:
    """What git says; nothing where it refuses."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout


def main() -> None:
    revision = base()
    before = committed(revision)
    if not before:
        sys.exit(f"There is no {SCHEMA} of {revision} to compare with: git has none.")
    found = breaking_changes(before, (ROOT / SCHEMA).read_text(), datetime.now(UTC).date())
    if found:
        listed = "\n".join(f"  {each}" for each in found)
        sys.exit(f"{SCHEMA} breaks clients of {revision}:\n{listed}\nDeprecate first: docs/deprecation.md.")


if __name__ == "__main__":
    main()
