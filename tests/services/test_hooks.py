"""What modules add to the doing of those below them: declared in their own files, and none is forgotten."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from core.modules import MODULES
from db.base import Quantity
from db.models import metadata
from services import catalog, partners, taxes
from services.inventory import holding, lots, stock
from services.kit.hooks import Hook
from services.sales import promises


def test_what_each_hook_has() -> None:
    assert stock.ON_ARRIVAL.added == (promises.serve,)
    assert stock.HOLDERS.added == (holding.holders, promises.holders)
    assert stock.ON_END.added == (holding.let_go,)
    assert [each.table for each in taxes.BORNE_BY.added] == ["purchase_lines", "line_items"]
    assert len(catalog.TAXES.added) == len(partners.TAX_GROUPS.added) == len(partners.PRICE_LISTS.added) == 1
    assert [each.table for each in catalog.COUNTED_IN_UNITS.added] == [
        *("prices", "stock_moves", "reservations", "stock_hold_lines", "purchase_lines", "product_suppliers"),
        *("reorder_rules", "line_items"),
    ]
    assert catalog.TRACKED.added == lots.STANDING
    assert [each.rows for each in catalog.FINER.added] == [
        *("stock moves", "holds", "lines of purchase orders", "reorder rules", "suppliers", "lines of orders"),
    ]
    assert catalog.ON_TRACKING.added == (lots.RETRACK,)


def test_every_table_with_quantities_of_a_product_keeps_its_unit() -> None:
    """Found by the tables themselves: a module that forgets to say so would let another unit change what its rows mean."""
    quantified = {
        table.name
        for table in metadata.tables.values()
        if "product_id" in table.columns and any(isinstance(column.type, Quantity) for column in table.columns)
    }
    balances = {"stock_levels"}  # sums of the moves
    assert quantified - balances == {each.table for each in catalog.COUNTED_IN_UNITS.added}


def test_every_table_of_lines_that_bear_a_tax_keeps_its_rate() -> None:
    lines = {table.name for table in metadata.tables.values() if {"tax_id", "total"} <= set(table.columns.keys())}
    assert lines == {each.table for each in taxes.BORNE_BY.added}


@pytest.mark.parametrize("first", ["services.catalog", "services.inventory.stock", "services.inventory.changes"])
def test_what_a_hook_has_depends_on_nobodys_import(first: str) -> None:
    """A process that serves a lower module alone, and never imports sales by itself."""
    script = (
        f"import {first}; from services import catalog; from services.inventory import stock;"
        "print(len(stock.ON_ARRIVAL.added), len(stock.HOLDERS.added), len(catalog.COUNTED_IN_UNITS.added))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "2", "8"]


def test_modules_are_asked_in_their_order_and_only_for_this_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Hook[int](), Hook[int]()
    for number, name in enumerate(MODULES):
        hooks = (one.add(number), other.add(-number), one.add(number + 10))
        monkeypatch.setitem(sys.modules, f"services.{name}", SimpleNamespace(HOOKS=hooks, __spec__=SimpleNamespace()))
    assert one.added == tuple(number for place in range(len(MODULES)) for number in (place, place + 10))
