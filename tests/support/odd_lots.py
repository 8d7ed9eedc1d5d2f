"""Lots of the hand-made tenant."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from core.ids import new_id


def lots(products: Sequence[dict[str, Any]], start: date) -> list[dict[str, Any]]:
    """Product n has n % 4 lots, of which nothing is there any more."""
    return [
        {
            "id": new_id(),
            "product_id": product["id"],
            "code": f"LOT-{count}",
            "expires_on": None if count == 2 else start + timedelta(days=(index * 7 + count) % 5),
            "blocked": (index + count) % 3 == 0,
        }
        for index, product in enumerate(products)
        for count in range(index % 4)
    ]
