"""Rows as cells: what is true of every kind of file."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from services.imports.cells import RejectedRow
from services.imports.filling import Filling
from services.imports.mapping import Rule
from services.imports.mapping.reading import File
from services.imports.numbers import Style
from services.imports.source import Source, SourceRow
from services.imports.values import Places, rule_test


class Reading:
    """Reads a file's rows as cells. ``read`` and ``left_out`` count the rows of data so far, and those that a rule leaves out by
    its name.
    """

    def __init__(self, source: Source, file: File, places: Places, filling: Filling) -> None:
        self.source = source
        self.width = len(source.header)
        self.filling = filling
        self.read = 0
        self.left_out: Counter[str] = Counter()
        self._places = places
        self._fills = file.short_rows == "fill"
        self._guards = file.guards
        self._skips: list[tuple[Rule, Any]] = []

    def skip(self, rules: Iterable[Rule], number: Style) -> None:
        """Leave out the rows that meet one of these rules."""
        self._skips = [(rule, rule_test(rule, self._places, number)) for rule in rules if rule.of == "row"]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self.source:
            self.read += 1
            if row.left_out:
                self.left_out[row.left_out] += 1
                continue
            yield from self.staged(row)

    def staged(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        """What is staged of a row."""
        raise NotImplementedError

    def cells(self, row: SourceRow) -> tuple[list[str], str]:
        """The row's cells, as many as the header has, and an empty one for what isn't mapped; and the row's text, with what the
        rows above fill in. Raises ``RejectedRow`` where it can't be read as cells.
        """
        if row.fault:
            word, _, sentence = row.fault.partition(": ")
            raise RejectedRow(word, sentence)
        cells, width = row.cells, self.width
        if len(cells) != width:
            if len(cells) < width and self._fills:
                cells = cells + [""] * (width - len(cells))
            elif len(cells) < width or any(cell.strip() for cell in cells[width:]):
                raise RejectedRow("columns", f"The row has {len(cells)} columns, and the header {width}.")
            cells = cells[:width]
        if self._guards and ("'" in row.text or '="' in row.text):
            cells = [_unguarded(cell) for cell in cells]
        cells.append("")
        return cells, self._written(cells) if self.filling.fill(cells) else row.text

    def is_left_out(self, cells: list[str]) -> bool:
        for rule, test in self._skips:
            if test(cells):
                self.left_out[rule.reason or f"by {rule.column}"] += 1
                return True
        return False

    def _written(self, cells: list[str]) -> str:
        stream = io.StringIO(newline="")
        self.source.dialect.write(stream, cells[:-1])
        return stream.getvalue()


def raw(text: str) -> str:
    """A row's text in hex, which carries every character, NUL too."""
    return f"\\x{text.encode().hex()}"


def _unguarded(cell: str) -> str:
    """A cell without what keeps a spreadsheet from making a number of it: ="0815" and '0815."""
    text = cell.strip()
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1]
    guarded = text.startswith("'") and text[1:2] and text[1] in "0123456789=+-@" and "'" not in text[1:]
    return text[1:] if guarded else cell
