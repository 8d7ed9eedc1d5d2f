"""Cells that are written once for several rows: empty below, and meant all the same."""

from services.imports.cells import RejectedRow
from services.imports.mapping import Column, File
from services.imports.values import Places


class Filling:
    """Fills empty cells from the row above.

    Columns of ``file.fill_down`` are filled within their order only: a row that names another order starts afresh, so that
    an order without a customer doesn't get the customer of the order above it. Those of ``file.carry_down`` are filled until
    the next value, whatever the order.
    """

    def __init__(self, file: File, places: Places, order: Column | None = None) -> None:
        self._order = [places[name] for name in order.headers] if order else []
        self._within = [places[name] for name in file.fill_down]
        self._across = [places[name] for name in file.carry_down]
        self.names_orders = bool(set(self._order) & {*self._within, *self._across})
        """Whether a row without an order's number is of the order above, and one with a number begins an order."""
        self._last: dict[int, str] = {}
        self._lost: set[int] = set()
        self._missed = False

    def fill(self, cells: list[str]) -> bool:
        """Fill the row's empty cells; whether there were any."""
        if not self._within and not self._across:
            return False
        filled = self._fill(self._across, cells)
        self._missed = any(at in self._lost for at in self._across)
        if not self._continues(cells):
            for at in (*self._within, *self._order):
                self._last.pop(at, None)
                self._lost.discard(at)
        filled |= self._fill(self._within, cells)
        self._missed |= any(at in self._lost for at in self._within)
        for at in self._order:
            self._last[at] = cells[at]
        return filled

    def _continues(self, cells: list[str]) -> bool:
        """Is it of the order of the row above?"""
        return all(not cells[at].strip() or cells[at] == self._last.get(at) for at in self._order)

    def _fill(self, places: list[int], cells: list[str]) -> bool:
        filled = False
        for at in places:
            if cells[at].strip():
                self._last[at] = cells[at]
                self._lost.discard(at)
            elif at in self._last:
                cells[at] = self._last[at]
                filled = True
        return filled

    def check(self) -> None:
        """Raise ``RejectedRow`` where a cell should come from a row that can't be read."""
        if self._missed:
            raise RejectedRow("columns", "It takes cells from the row above, and a row above it can't be read.")

    def lose(self) -> None:
        """A row can't be read: what it had in these columns isn't known, until a later row says it."""
        self._last.clear()
        self._lost = {*self._within, *self._across}
