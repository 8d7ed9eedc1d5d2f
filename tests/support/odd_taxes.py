"""Taxes of the hand-made tenant."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.ids import new_id

Row = dict[str, Any]


def taxes(partners: list[Row], products: list[Row], later: Callable[[int], datetime]) -> dict[str, list[Row]]:
    """Every second product has a tax, and every third partner is of a group; group n has n % 3 substitutions."""
    why: Row = {"category": "E", "rate": Decimal(), "exemption_reason": "Exempt"}
    kinds: list[Row] = [{"category": "S", "rate": Decimal(rate), "exemption_reason": None} for rate in (20, 7)]
    kept = [
        {"id": new_id(), "code": f"T{index:02}", "name": f"Tax {index}", "updated_at": later(index)} | kind
        for index, kind in enumerate([*kinds, why, why])
    ]
    groups = [
        {"id": new_id(), "code": f"G{index:02}", "name": f"Group {index}", "updated_at": later(index)}
        for index in range(4)
    ]
    substitutions = [
        {
            "id": new_id(),
            "tax_group_id": group["id"],
            "position": place + 1,
            "from_tax_id": None if place else kept[0]["id"],
            "to_tax_id": kept[2 + place]["id"],
        }
        for index, group in enumerate(groups)
        for place in range(index % 3)
    ]
    for index, product in enumerate(products):
        product["tax_id"] = None if index % 2 else kept[index % 4]["id"]
    for index, partner in enumerate(partners):
        partner["tax_group_id"] = None if index % 3 else groups[index % 4]["id"]
    return {"taxes": kept, "tax_groups": groups, "tax_substitutions": substitutions}
