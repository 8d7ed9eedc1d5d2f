"""What filters mean, in plain Python: the model that the graph's answers are compared with."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Where = Mapping[str, Any]


def fold(text: str) -> str:
    """Text without regard to case, in one form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, given: value is not None and value == given,
    "ne": lambda value, given: value is None or value != given,
    "in": lambda value, given: value is not None and value in given,
    "notIn": lambda value, given: value is None or value not in given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
    "contains": lambda value, given: value is not None and fold(given) in fold(value),
    "startsWith": lambda value, given: value is not None and fold(value).startswith(fold(given)),
    "isNull": lambda value, given: (value is None) == given,
}

QUANTIFIERS: dict[str, Callable[[list[bool]], bool]] = {
    "some": any,
    "every": all,
    "none": lambda hold: not any(hold),
}


def holds(where: Where, row: Row) -> bool:
    """Whether a row fulfils a ``where``. A row has its values under the filters' names; a list of rows
    where the filter is on related rows, a row where it is on one."""
    return all(_part(name, given, row) for name, given in where.items() if given is not None)


def says_nothing(where: Where) -> bool:
    """Whether there is no comparison in a ``where``: it is refused among the alternatives of an ``or``."""
    return all(
        _is_empty(name, given) for name, given in where.items() if given is not None and name not in ("or", "not")
    ) and not any(where.get(name) is not None for name in ("or", "not"))


def _is_empty(name: str, given: Any) -> bool:
    if name == "and":
        return all(map(says_nothing, given))
    if name.endswith("Where"):
        return says_nothing(given)
    return not any(each is not None for each in given.values())


def subqueries(where: Any) -> int:
    """How many conditions on related rows there are: a filter may have twelve."""
    if isinstance(where, list):
        return sum(map(subqueries, where))
    if not isinstance(where, Mapping):
        return 0
    here: int = sum(name in QUANTIFIERS or name.endswith("Where") for name, given in where.items() if given is not None)
    return here + sum(map(subqueries, list(where.values())))


def _part(name: str, given: Any, row: Row) -> bool:
    if name == "and":
        return all(holds(each, row) for each in given)
    if name == "or":
        return any(holds(each, row) for each in given)
    if name == "not":
        return not holds(given, row)
    value = row[name]
    if isinstance(value, Mapping):
        return holds(given, value)
    if isinstance(value, list):
        return all(
            QUANTIFIERS[quantifier]([holds(inner, each) for each in value])
            for quantifier, inner in given.items()
            if inner is not None
        )
    return all(OPERATORS[operation](value, operand) for operation, operand in given.items())
