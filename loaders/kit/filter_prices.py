"""What a filter costs, by its shape alone."""

from collections.abc import Mapping
from typing import Any

from loaders.kit.filters import MAX_NODES, MAX_VALUES, REFERRED, AnyFilter, Filter, Related

RELATED_PRICE = 100
"""Points for each some, every and none, and each comparison of what other rows tell (such as an order's progress): the
other table is read for it. The time that it really takes is charged afterwards (app.throttling.spending)."""


def price(where: Any, filters: Mapping[str, AnyFilter]) -> int:
    """What a ``where`` costs besides the rows that it leaves, as far as its shape tells: an object's price for each
    comparison, ``RELATED_PRICE`` for each subquery. It may be anything that stands in a request, and is not walked
    further than a filter may go.
    """
    total, seen, waiting = 0, 0, [(where, filters)]
    while waiting and seen <= MAX_NODES + MAX_VALUES:
        each, known = waiting.pop()
        if isinstance(each, dict):
            seen += len(each)
            total += len(each) + RELATED_PRICE * sum(_subqueries(name, given, known) for name, given in each.items())
            waiting += [(given, _within(name, known)) for name, given in each.items()]
        elif isinstance(each, list):
            seen += len(each)
            waiting += [(item, known) for item in each if isinstance(item, dict)]
    return total


def _subqueries(name: Any, given: Any, known: Mapping[str, AnyFilter]) -> int:
    if name in _QUANTIFIERS or str(name).endswith(REFERRED):
        return 1
    by = known.get(name)
    return len(given) if isinstance(by, Filter) and by.subquery and isinstance(given, dict) else 0


def _within(name: Any, known: Mapping[str, AnyFilter]) -> Mapping[str, AnyFilter]:
    by = known.get(name)
    return by.filters if isinstance(by, Related) else known


_QUANTIFIERS = frozenset({"some", "every", "none"})
