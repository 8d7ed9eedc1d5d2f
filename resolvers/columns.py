"""Leaves of a level, a column at a time: what a row holds, in the form in which the answer has it."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import orjson

from core.money import price_texts, total_texts
from execution import Batch

Read = Callable[[Batch], Sequence[Any]]


def stored(name: str) -> Read:
    """The column as it came: text, numbers and booleans are final when they leave the database."""
    return lambda batch: batch.column(name)


def identifier(prefix: str, name: str = "id") -> Read:
    """A public id: the type's prefix and the UUID's hex."""
    start = f"{prefix}_"
    return lambda batch: [start + key.hex for key in batch.column(name)]


def moment(name: str) -> Read:
    """A time in UTC, with Z; None for none. (The first and the last possible moment come from asyncpg without an
    offset.) The whole column is written as JSON and read again: an eighth of the
    time of ``isoformat`` for each, which was 6 % of a page of 20.
    """

    def read(batch: Batch) -> list[str | None]:
        texts: list[str | None] = orjson.loads(
            orjson.dumps(batch.column(name), option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
        )
        return texts

    return read


def money(amount: str, currency: str, *, total: bool) -> Read:
    """Pairs of an amount in its final form and its currency; None where there is no amount.

    A ``total`` has exactly the currency's minor digits, a unit price at least those.
    """
    form = total_texts if total else price_texts

    def read(batch: Batch) -> list[tuple[str, str] | None]:
        currencies = batch.column(currency)
        amounts = form(batch.column(amount), currencies)
        pairs: list[Any] = list(zip(amounts, currencies, strict=True))
        return [None if pair[0] is None else pair for pair in pairs] if None in amounts else pairs

    return read


def item(position: int) -> Read:
    """A part of a source that is a tuple, such as money's amount."""
    get = itemgetter(position)
    return lambda batch: list(map(get, batch.sources))


def same(batch: Batch) -> Sequence[Any]:
    """The parent's own row, seen as an object of another type."""
    return batch.sources


def parsed(name: str) -> Read:
    """A JSON document, which comes as text."""

    def read(batch: Batch) -> list[Any]:
        return [None if text is None else orjson.loads(text) for text in batch.column(name)]

    return read
