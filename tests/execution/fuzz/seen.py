"""What a comparison has seen: so that one that compared nothing can't pass."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.execution.fuzz.compare import Case, Expected


@dataclass
class Seen:
    """Counts over all cases. ``documents`` are counted once, all else per run."""

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

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        return f"{len(self.documents)} documents; {counts}; {self.deepest} levels, {self.longest} in a list"


def language(case: Case) -> dict[str, bool]:
    text = case.text
    return {
        "variables": "query Asked(" in text,
        "named fragments": "fragment F" in text,
        "inline fragments": "... on " in text,
        "aliases": " a1: " in text or ": " in text,
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
