"""Progress of an import, told as it comes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from services.imports.source import Source

Report = Callable[[str, int, int], None]
"""Told of progress: the stage (bytes read, checking, storing), what is done of it, and how much it is in all."""

REPORT_EVERY = 1_000


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def reporting(rows: Iterable[tuple[Any, ...]], source: Source, report: Report) -> Iterator[tuple[Any, ...]]:
    """The rows, with a word on progress now and then, in bytes of the file."""
    for count, row in enumerate(rows):
        # The last bytes have been read long before the last row is parsed.
        if count % REPORT_EVERY == 0 and source.tell() < source.size:
            report("bytes read", source.tell(), source.size)
        yield row
    report("bytes read", source.size, source.size)
