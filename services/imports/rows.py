"""All rows of a file: what is staged of each, or the reason why it can't be taken."""

from collections.abc import Iterator
from typing import Any

from services.imports.cells import RejectedRow
from services.imports.filling import Filling
from services.imports.mapping import Mapping
from services.imports.numbers import style
from services.imports.order_lines import Found, OrderLine, skips
from services.imports.reading import Reading, raw
from services.imports.source import Source, SourceRow, reread
from services.imports.values import Places

BASE = (
    *("line", "raw", "reason", "id", "number", "sku", "customer", "customer_name", "country", "description"),
    *("quantity", "unit_price", "total", "placed_at"),
)
"""The staging table's columns that every mapping fills, in the order of a staged row's values."""

_NOTHING = (None,) * 9


class Rows(Reading):
    """The values to stage for each row: those of its cells, or the reason why it can't be taken.

    The row's own text goes along: a rule that needs the other rows may refuse it later.
    """

    def __init__(self, mapping: Mapping, source: Source) -> None:
        places = Places(mapping.headers, source.header, _numbers(mapping))
        filling = Filling(mapping.file, places, mapping.columns.order)
        super().__init__(source, mapping.file, places, filling)
        self.skip(skips(mapping), style(mapping.numbers, mapping.currency))
        self._line = OrderLine(mapping, places)
        self._doubtful: int | None = None
        self._last: str | None = None
        self.extra = self._line.extra
        self.unknown_countries = self._line.unknown_countries
        self.columns = (*BASE, *self.extra)

    def staged(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        """What is staged of a row, of the lines that come of its charges, and of doubts that it casts on orders."""
        found = Found()
        text = row.text
        try:
            cells, text = self.cells(row)
            problem = self._line.identify(cells, found)
            if self.is_left_out(cells):
                return
            self.filling.check()
            if problem:
                raise problem
            self._line.begin(cells, found)
            if "\0" in row.text:
                raise RejectedRow("text", "The row has a NUL character in it.")
            values, derived = self._line.read(cells, found)
        except RejectedRow as rejection:
            rest = (found.facts.get(name) for name in self.extra)
            yield row.line, raw(text), str(rejection), None, found.number, *_NOTHING, *rest
        else:
            yield row.line, raw(text), None, *values
            for one in derived:
                yield row.line, "", None, *one
        yield from self._doubts(row, found)

    def _doubts(self, row: SourceRow, found: Found) -> Iterator[tuple[Any, ...]]:
        """Of rows that can't be read it isn't sure which order they are of; the row behind one names another that it may be."""
        if not found.begun:
            yield from self._suspects(row)
        elif found.number:
            if self._doubtful:
                yield self._doubt(self._doubtful, found.number)
            self._doubtful, self._last = None, found.number

    def _suspects(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        """Orders that a row which can't be read as cells may belong to: none of them is whole without it.

        Where a delimiter is missing or too many, cells are in their places from the front, or from the back. Where none of
        them can be an order's number it may be of the order before it or behind it.
        """
        self.filling.lose()
        cells = reread(row.text, self.source.dialect) if row.fault else row.cells
        numbers, sure = self._line.numbers_in(cells, self.width, quoted=row.fault is not None)
        if not sure:
            self._doubtful = None if self.filling.names_orders else row.line
            numbers |= {self._last} if self._last else set()
        for number in numbers:
            yield self._doubt(row.line, number)

    def _doubt(self, line: int, number: str) -> tuple[Any, ...]:
        rest = tuple("t" if name == "role" else None for name in self.extra)
        return line, "", "text: A row that may be of this order can't be read.", None, number, *_NOTHING, *rest


def _numbers(mapping: Mapping) -> dict[str, str]:
    named = mapping.columns.named()
    return {
        header: name
        for name in ("discount", "total", "price", "quantity")
        if name in named
        for header in named[name].headers
    }
