"""Price lists of the hand-made tenant."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.ids import new_id

Row = dict[str, Any]


def prices(partners: list[Row], products: list[Row], later: Callable[[int], datetime]) -> dict[str, list[Row]]:
    """List n has n % 4 prices; every second partner buys by one of its own, and two of three sell by one."""
    lists = [
        {
            "id": new_id(),
            "code": f"L{index:02}",
            "name": f"List {index}",
            "currency": "EUR",
            "updated_at": later(index),
        }
        for index in range(4)
    ]
    for index, partner in enumerate(partners):
        for name, every in (("price_list_id", 2), ("purchase_price_list_id", 3)):
            partner[name] = lists[index % 4]["id"] if index % every else None
    kept = [
        {
            "id": new_id(),
            "price_list_id": each["id"],
            "product_id": products[place % 2]["id"],
            "minimum": Decimal(1 + place // 2),
            "currency": "EUR",
            "amount": Decimal("1.25") + place,
            "valid_from": None if index % 2 else later(0).date() + timedelta(days=place),
            "valid_to": None if index % 3 else later(0).date() + timedelta(days=9),
        }
        for index, each in enumerate(lists)
        for place in range(index % 4)
    ]
    return {"price_lists": lists, "prices": kept}
