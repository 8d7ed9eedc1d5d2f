"""Hand-made categories of products."""

from typing import Any

from core.ids import new_id


def categories(products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number n is below n // 2, the first below none; every third product is in none."""
    made: list[dict[str, Any]] = []
    for index in range(5):
        row = {"id": new_id(), "code": f"K{index}", "name": f"Kind {index}"}
        made.append(row | {"parent_id": made[index // 2]["id"] if index else None})
    for index, product in enumerate(products):
        product["category_id"] = made[index % 4]["id"] if index % 3 else None
    return made
