"""What a filter costs, by its shape alone."""

from typing import Any

from loaders.kit.filters import MAX_NODES, MAX_VALUES, REFERRED

RELATED_PRICE = 100
"""Points for each some, every and none: the other table is read for it. The time that it really takes is charged
afterwards (app.throttling.spending)."""


def price(where: Any) -> int:
    """What a ``where`` costs besides the rows that it leaves, as far as its shape tells: an object's price for each
    comparison, ``RELATED_PRICE`` for each subquery. It may be anything that stands in a request, and is not walked
    further than a filter may go.
    """
    total, seen, waiting = 0, 0, [where]
    while waiting and seen <= MAX_NODES + MAX_VALUES:
        each = waiting.pop()
        if isinstance(each, dict):
            seen += len(each)
            total += len(each)
            total += RELATED_PRICE * sum(name in _SUBQUERIES or str(name).endswith(REFERRED) for name in each)
            waiting += each.values()
        elif isinstance(each, list):
            seen += len(each)
            waiting += [item for item in each if isinstance(item, dict)]
    return total


_SUBQUERIES = frozenset({"some", "every", "none"})
