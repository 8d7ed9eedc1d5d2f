"""The schema is documentation: a description says something that its name doesn't."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from tests.support.graph import schema

EMPTY = frozenset("a an and by for in is it its of on or that the these this those to what which whose with".split())
"""Words that say nothing by themselves."""


def described(graph: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """All that can have a description, by its coordinate: types, fields, arguments, values, directives."""
    roots = {graph.query_type, graph.mutation_type, graph.subscription_type}
    for type_ in graph.type_map.values():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        if type_ not in roots:  # the framework makes those, of the modules' parts
            yield type_.name, type_.description
        parts: dict[str, Any] = getattr(type_, "values", None) or getattr(type_, "fields", None) or {}
        for name, part in parts.items():
            yield f"{type_.name}.{name}", part.description
            for argument, given in getattr(part, "args", {}).items():
                yield f"{type_.name}.{name}({argument}:)", given.description
    for directive in graph.directives:
        if not is_specified_directive(directive) and directive.name != "oneOf":
            yield f"@{directive.name}", directive.description
            yield from ((f"@{directive.name}({name}:)", each.description) for name, each in directive.args.items())


def words(text: str) -> set[str]:
    """A text's words, or a name's, without what tells singular from plural."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", text)
    return {part.lower().removesuffix("s") for part in parts} - {""}


def says_nothing(coordinate: str, description: str | None) -> bool:
    """Whether a description is missing, or only says the name again."""
    return not words(description or "") - words(coordinate) - {word.removesuffix("s") for word in EMPTY}


@pytest.mark.parametrize(
    "coordinate, description, empty",
    [
        ("Order.id", None, True),
        ("Order.id", "", True),
        ("Order.id", " … ", True),
        ("Order.id", "The id.", True),
        ("Order.id", "The order's id", True),
        ("OrderWhere.externalId", "By its external id.", True),
        ("Query.orders(first:)", "The first.", True),
        ("OrderStatus.DRAFT", "A draft", True),
        ("Order.id", "Opaque; for node and for caches.", False),
        ("OrderStatus.DRAFT", "A draft: holds no stock.", False),
    ],
)
def test_what_says_nothing(coordinate: str, description: str | None, empty: bool) -> None:
    assert says_nothing(coordinate, description) is empty


@pytest.fixture(scope="module")
def texts() -> dict[str, str | None]:
    return dict(described(build_schema(schema().as_str())))


def test_everything_says_something(texts: dict[str, str | None]) -> None:
    assert [each for each, text in texts.items() if says_nothing(each, text)] == []
    assert len(texts) > 700


def test_descriptions_are_sentences(texts: dict[str, str | None]) -> None:
    """They stand alone in an editor's window: three words at least, and an end."""
    said = {each: (text or "").strip() for each, text in texts.items()}
    assert [each for each, text in said.items() if len(text.split()) < 3] == []
    assert [each for each, text in said.items() if not re.search(r"[.…]$", text)] == []


DIALECT = re.compile(r"\b(anew|mend|mended|told|was made|that there (is|are))\b|^Makes? |(^|[.:,;] )[Ww]ho \w+s\b")
"""Words that CONTRIBUTING.md replaces by create, report and correct, and a "who" without a noun before it."""


def test_descriptions_are_in_plain_english(texts: dict[str, str | None]) -> None:
    assert [each for each, text in texts.items() if DIALECT.search(text or "")] == []


@pytest.mark.parametrize("text", ["What the caller can mend.", "Makes an order.", "Kept for long, who asks gets it."])
def test_dialect_is_found(text: str) -> None:
    assert DIALECT.search(text)
