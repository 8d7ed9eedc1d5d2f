"""What a comparison has seen: so that one that compared nothing can't pass."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSchema, get_named_type, is_abstract_type, is_leaf_type

from tests.execution.fuzz.compare import Case, Expected


@dataclass
class Seen:
    """Counts over all cases. ``documents`` are counted once, all else per run."""

    cases: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    deepest: int = 0
    longest: int = 0

    def note(self, expected: Expected, *, same_errors: bool) -> None:
        case, data, errors = expected.case, expected.answer.data, expected.answer.errors
        self.documents.add(case.text)
        self.deepest = max(self.deepest, depth(data))
        self.longest = max(self.longest, longest(data))
        found = {
            "runs": True,
            "invalid": any(not error.path for error in errors),
            "rows": longest(data) > 0,
            "lists of several": longest(data) > 1,
            "errors": bool(errors),
            "data and errors": bool(errors) and data is not None,
            "several errors": len(errors) > 1,
            "null to the top": bool(errors) and data is None,
            "nulls": has_null(data),
            "other choice of errors": not same_errors,
            **language(case),
        }
        self.counts.update(name for name, true in found.items() if true)

    def lacking(self, least: dict[str, int]) -> dict[str, int]:
        """Of these counts those that weren't reached, as they are; ``documents`` is one."""
        found = self.counts | Counter(documents=len(self.documents))
        return {name: found[name] for name, count in least.items() if found[name] < count}

    def words(self) -> set[str]:
        """All names in all documents."""
        return set(re.findall(r"\w+", " ".join(self.documents)))

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        return f"{len(self.documents)} documents; {counts}; {self.deepest} levels, {self.longest} in a list"


def language(case: Case) -> dict[str, bool]:
    text = case.text
    return {
        "variables": "query Asked(" in text,
        "named fragments": "fragment F" in text,
        "inline fragments": "... on " in text,
        "aliases": re.search(r"\ba\d+: ", text) is not None,
        "skip or include": "@" in text,
        "switched": len(case.variables) > 1,
    }


def children(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return list(data.values())
    return data if isinstance(data, list) else []


def depth(data: Any) -> int:
    return max((depth(each) for each in children(data)), default=-1) + 1


def longest(data: Any) -> int:
    own = len(data) if isinstance(data, list) else 0
    return max([own, *(longest(each) for each in children(data))])


def has_null(data: Any) -> bool:
    return data is None or any(has_null(each) for each in children(data))


def selectable(schema: GraphQLSchema) -> set[str]:
    """The names of all fields that a query can select."""
    waiting: list[Any] = [schema.query_type]
    met: set[str] = set()
    names: set[str] = set()
    while waiting:
        type_ = waiting.pop()
        if type_.name in met or is_leaf_type(type_):
            continue
        met.add(type_.name)
        if is_abstract_type(type_):
            waiting += schema.get_possible_types(type_)
            continue
        names.update(type_.fields)
        waiting += [get_named_type(field.type) for field in type_.fields.values()]
    return names
