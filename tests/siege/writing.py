"""Draws trees and values from the schema: valid documents, with what they name being there more often than not."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from tests.siege.facts import Facts
from tests.siege.trees import ROOM, Node, Style, Tree, definition, weight

PAGES = (0, 1, 2, 5, 20, 50, 100, 249, 250, 250, 251, -1)
WORDS = ("a", "e", "SO", "1", "steel M8", "zzz", "★", "Ω", "x " * 40, "m²", "%", "lark " * 200)
TEXTS = (*WORDS, "", "\t", "a" * 250, "ab" * 5_000, "\u0301" * 300, "İ" * 400, "x" * 200_000)
LEAVES: Mapping[str, Sequence[Any]] = {
    "Int": PAGES,
    "Decimal": ("1", "0", "-1", "0.000001", "999999", "1" * 13 + ".5"),
    "DateTime": ("2026-01-01T00:00:00Z", "2020-06-01T12:00:00+02:00", "0001-01-02T00:00:00Z"),
    "CurrencyCode": ("EUR", "USD", "XXX"),
}
LENGTHS = (1, 1, 1, 2, 3, 5, 20, 100, 250, 500, 501)


class Drawing:
    """What is drawn from a schema, by one source of chance."""

    def __init__(self, schema: GraphQLSchema, facts: Facts, random: Random) -> None:
        self.schema = schema
        self.facts = facts
        self.random = random
        self._named: dict[str, Callable[[], Any]] = {
            "sku": lambda: self._one_of(facts.skus),
            "code": lambda: self._one_of(facts.partners),
            "number": lambda: self._one_of(facts.orders),
            "location": lambda: facts.location,
            "destination": lambda: facts.location,
            "search": lambda: random.choice(WORDS),
        }

    # ---------------------------------------------------------------- documents

    def tree(self) -> Tree:
        """An operation, mostly a query, that fits into a request."""
        while not (drawn := self._tree()).fits():
            pass
        return drawn

    def _tree(self) -> Tree:
        kind = "mutation" if self.random.random() < 0.12 else "query"
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        roots = self.selections(
            root, self.random.randint(2, 7), 1 if kind == "mutation" else self.random.choice((1, 1, 2, 4))
        )
        if kind == "query" and self.random.random() < 0.05:
            roots = [self.field(None, "__schema", 6)]
        return Tree(kind, roots, self.style())

    def style(self) -> Style:
        random = self.random
        return Style(
            random.random() < 0.4,
            random.choice((0, 40, 120, 4_000)),
            random.choice((1,) * 12 + (3, 20)),
            random.randrange(10**6),
        )

    def selections(self, type_: Any, depth: int, breadth: int = 0) -> list[Node]:
        """Some fields of a type, none deeper than so many levels."""
        if is_abstract_type(type_):
            members = self.schema.get_possible_types(type_)
            chosen = self.random.sample(list(members), min(len(members), self.random.choice((1, 2, 9))))
            return [Node("__typename"), *(Node(on=each.name, children=self.selections(each, depth)) for each in chosen)]
        names = [name for name, each in type_.fields.items() if depth > 0 or self._is_leaf(each.type)]
        if not names:
            return [Node("__typename")]
        deep = [name for name in names if not self._is_leaf(type_.fields[name].type)]
        count = breadth or self.random.choice((1, 2, 3, 5, 8))
        chosen_names = self.random.sample(names, min(count, len(names)))
        if deep and depth > 1 and self.random.random() < 0.8:
            chosen_names.append(self.random.choice(deep))
        return [self.field(type_, name, depth) for name in dict.fromkeys(chosen_names)]

    def field(self, parent: Any, name: str, depth: int) -> Node:
        """A field with arguments, and what it holds."""
        found = definition(parent, name)
        below: Any = get_named_type(found.type)
        node = Node(name, arguments=self.arguments(found))
        if self.random.random() < 0.03:
            node.condition = self.random.choice(("skip", "include"))
        if not is_leaf_type(below):
            # The parts of a page aren't levels of their own: nodes, edges.
            step = 0 if below.name.endswith(("Connection", "Edge", "Payload")) and depth > 1 else 1
            node.children = self.selections(below, depth - step) if depth > -3 else [Node("__typename")]
        return node

    def _is_leaf(self, type_: Any) -> bool:
        return is_leaf_type(get_named_type(type_))

    # ---------------------------------------------------------------- values

    def arguments(self, found: Any) -> dict[str, Any]:
        """Values for a field's arguments: those that it needs, and some of the others."""
        pages = {"first", "last"} & {*found.args}
        given = {}
        for name, each in found.args.items():
            if name in ("after", "before", "last"):
                continue
            likely = 0.7 if name in pages else 0.25
            if is_non_null_type(each.type) or self.random.random() < likely:
                given[name] = self.value(name, each.type, 5)
        if pages and "first" in given and self.random.random() < 0.15:
            given["last"] = given.pop("first")
        return given

    def value(self, name: str, type_: Any, depth: int) -> Any:
        """A value of an input type, for the argument or input field of this name."""
        type_ = get_nullable_type(type_)
        if is_list_type(type_):
            return self._list(name, type_.of_type, depth)
        if is_input_object_type(type_):
            return self._object(name, type_, depth)
        if is_enum_type(type_):
            return self.random.choice([*type_.values])
        return self._leaf(name, type_.name)

    def _list(self, name: str, item: Any, depth: int) -> list[Any]:
        length = self.random.choice(LENGTHS if depth > 2 else LENGTHS[:5])
        if name == "orderBy":
            length = self.random.choice((1, 2, 3))
        different = [self.value(name, item, depth - 1) for _ in range(min(length, 4))]
        # 501 texts of 200,000 characters are a hundred megabytes, and refused by their size as one too many is.
        length = min(length, max(1, ROOM // weight(different)))
        return (different * length)[:length]

    def _object(self, name: str, type_: Any, depth: int) -> dict[str, Any]:
        fields = {
            each: field
            for each, field in type_.fields.items()
            if depth > 0 or not is_input_object_type(get_named_type(field.type))
        }
        if type_.is_one_of:
            chosen = self.random.choice([*type_.fields])
            return {chosen: self.value(chosen if chosen != "code" else name, type_.fields[chosen].type, depth - 1)}
        needed = [each for each, field in fields.items() if is_non_null_type(field.type)]
        others = [each for each in fields if each not in needed]
        some = self.random.sample(others, min(len(others), self.random.choice((0, 1, 1, 2, 3))))
        return {each: self.value(each, fields[each].type, depth - 1) for each in (*needed, *some)}

    def _leaf(self, name: str, type_: str) -> Any:
        random, named = self.random, self._named.get(name)
        if type_ == "ID":
            return self.facts.location if name in ("location", "destination") else random.choice(self.facts.ids)
        if type_ == "Boolean":
            return random.random() < 0.5
        if type_ == "String" and named and random.random() < 0.8:
            return named()
        if name == "max":
            return random.choice((1, 100, 10_000, 100_000, 2**31 - 1))
        return random.choice(LEAVES.get(type_, TEXTS))

    def _one_of(self, there: Sequence[str]) -> str:
        return self.random.choice(there)
