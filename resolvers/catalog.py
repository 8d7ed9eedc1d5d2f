"""What a product's row has besides its columns."""

from typing import Any

from core.money import decimal_text
from core.units import others_of
from execution import Batch


def units(batch: Batch) -> list[list[dict[str, Any]]]:
    """Each product's other units."""
    return [
        [
            each._asdict() | {"quantity": decimal_text(each.quantity), "base": decimal_text(each.base)}
            for each in others_of(text)
        ]
        for text in batch.column("units")
    ]
