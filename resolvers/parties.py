"""Addresses, as they are kept with the row that has them."""

from collections.abc import Callable
from typing import Any

import orjson

from core.addresses import postal_lines
from execution import Batch


class PartyRow(dict[str, Any]):
    """An address, to be read as a row is."""

    def __missing__(self, key: str) -> None:
        """A part that it doesn't have."""


def stored(name: str) -> Callable[[Batch], list[PartyRow | None]]:
    """The address in a column; None where there is none."""

    def read(batch: Batch) -> list[PartyRow | None]:
        return [None if text is None else PartyRow(orjson.loads(text)) for text in batch.column(name)]

    return read


def lines(batch: Batch) -> list[list[str]]:
    return [postal_lines(party) for party in batch.sources]
