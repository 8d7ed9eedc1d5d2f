"""All rows of a file: what is staged of each, or the reason why it can't be taken."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from services.imports.cells import RejectedRow
from services.imports.filling import Filling
from services.imports.mapping import Mapping
from services.imports.numbers import style
from services.imports.order_lines import Found, OrderLine, skips
from services.imports.source import Source, SourceRow, reread
from services.imports.values import Places, rule_test

BASE = (
    *("line", "raw", "reason", "id", "number", "sku", "customer", "customer_name", "country", "description"),
    *("quantity", "unit_price", "total", "placed_at"),
)
"""The staging table's columns that every mapping fills, in the order of a staged row's values."""

_NOTHING = (None,) * 9


class Rows:
    """The values to stage for each row: those of its cells, or the reason why it can't be taken.

    The row's own text goes along in hex, which carries every character, NUL too: a rule that needs the other rows may
    refuse it later. ``read`` and ``left_out`` count the rows of data so far, and those that a rule leaves out by its name.
    """

    def __init__(self, mapping: Mapping, source: Source) -> None:
        self._source = source
        self._width = len(source.header)
        self._fills = mapping.file.short_rows == "fill"
        self._guards = mapping.file.guards
        places = Places(mapping.headers, source.header, _numbers(mapping))
        number = style(mapping.numbers, mapping.currency)
        self._skips = [(rule, rule_test(rule, places, number)) for rule in skips(mapping) if rule.of == "row"]
        self._line = OrderLine(mapping, places)
        self._filling = Filling(mapping, places)
        self._doubtful = False
        self._last: str | None = None
        self.extra = self._line.extra
        self.columns = (*BASE, *self.extra)
        self.read = 0
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._source:
            self.read += 1
            if row.left_out:
                self.left_out[row.left_out] += 1
                continue
            yield from self._staged(row)

    def _staged(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        found = Found()
        text = row.text
        try:
            cells = self._cells(row)
            if self._filling.fill(cells):
                text = self._written(cells)
            problem = self._line.identify(cells, found)
            if self._is_left_out(cells):
                return
            self._filling.check()
            if problem:
                raise problem
            self._line.begin(cells, found)
            if "\0" in row.text:
                raise RejectedRow("text", "The row has a NUL character in it.")
            values, derived = self._line.read(cells, found)
        except RejectedRow as rejection:
            rest = (found.facts.get(name) for name in self.extra)
            yield row.line, _raw(text), str(rejection), None, found.number, *_NOTHING, *rest
        else:
            yield row.line, _raw(text), None, *values
            for one in derived:
                yield row.line, "", None, *one
        yield from self._doubts(row, found)

    def _doubts(self, row: SourceRow, found: Found) -> Iterator[tuple[Any, ...]]:
        """Of rows that can't be read it isn't sure which order they are of; the row behind one names another that it may be."""
        if not found.begun:
            yield from self._suspects(row)
        elif found.number:
            if self._doubtful:
                yield self._doubt(row.line, found.number)
            self._doubtful, self._last = False, found.number

    def _cells(self, row: SourceRow) -> list[str]:
        """The row's cells, as many as the header has, and an empty one for what isn't mapped."""
        if row.fault:
            word, _, sentence = row.fault.partition(": ")
            raise RejectedRow(word, sentence)
        cells, width = row.cells, self._width
        if len(cells) != width:
            if len(cells) < width and self._fills:
                cells = cells + [""] * (width - len(cells))
            elif len(cells) < width or any(cell.strip() for cell in cells[width:]):
                raise RejectedRow("columns", f"The row has {len(cells)} columns, and the header {width}.")
            cells = cells[:width]
        if self._guards and ("'" in row.text or '="' in row.text):
            cells = [_unguarded(cell) for cell in cells]
        cells.append("")
        return cells

    def _is_left_out(self, cells: list[str]) -> bool:
        for rule, test in self._skips:
            if test(cells):
                self.left_out[rule.reason or f"by {rule.column}"] += 1
                return True
        return False

    def _suspects(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        """Orders that a row which can't be read as cells may belong to: none of them is whole without it.

        Where a delimiter is missing or too many, cells are in their places from the front, or from the back. Where none of
        them can be an order's number it may be of the order before it or behind it.
        """
        self._filling.lose()
        cells = reread(row.text, self._source.dialect) if row.fault else row.cells
        numbers, sure = self._line.numbers_in(cells, self._width, quoted=row.fault is not None)
        if not sure:
            self._doubtful = True
            numbers |= {self._last} if self._last else set()
        for number in numbers:
            yield self._doubt(row.line, number)

    def _doubt(self, line: int, number: str) -> tuple[Any, ...]:
        rest = tuple("t" if name == "role" else None for name in self.extra)
        return line, "", "text: A row that may be of this order can't be read.", None, number, *_NOTHING, *rest

    def _written(self, cells: list[str]) -> str:
        stream = io.StringIO(newline="")
        self._source.dialect.write(stream, cells[:-1])
        return stream.getvalue()


def _numbers(mapping: Mapping) -> dict[str, str]:
    named = mapping.columns.named()
    return {
        header: name
        for name in ("discount", "total", "price", "quantity")
        if name in named
        for header in named[name].headers
    }


def _raw(text: str) -> str:
    return f"\\x{text.encode().hex()}"


def _unguarded(cell: str) -> str:
    """A cell without what keeps a spreadsheet from making a number of it: ="0815" and '0815."""
    text = cell.strip()
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1]
    guarded = text.startswith("'") and text[1:2] and text[1] in "0123456789=+-@" and "'" not in text[1:]
    return text[1:] if guarded else cell
