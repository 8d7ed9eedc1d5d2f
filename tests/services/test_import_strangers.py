"""Exports of shops that nobody here has seen: their sums are exact, and a second run adds nothing."""

from pathlib import Path

import pytest

from db.runtime.engine import Target, administration
from services.imports import import_orders
from services.platform import tenants
from tests.support.imports import lines, orders, partners, torn_totals
from tests.support.strangers import EXPORTS, Export

RETURNED = """
SELECT o.number, p.sku, trim_scale(l.returned)::text FROM line_items l JOIN orders o ON o.id = l.order_id
JOIN products p ON p.id = l.product_id WHERE l.returned > 0 ORDER BY 1, 2
"""


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
async def test_an_export_becomes_exactly_this(target: Target, shop: str, tmp_path: Path, export: Export) -> None:
    file, mapping = tmp_path / "export.csv", tmp_path / "mapping.toml"
    file.write_text(export.text, export.encoding, newline="")
    mapping.write_text(export.mapping, "utf-8")
    summary = await import_orders(target, shop, file, mapping)
    refused = rejected_rows(tmp_path, export)
    assert (summary.read, summary.imported, summary.left_out) == export.rows, refused
    assert (summary.already_there, summary.rejected, refused) == (0, {}, [])
    await holds(target, shop, export)
    again = await import_orders(target, shop, file, mapping)
    assert (again.imported, again.already_there, again.rejected) == (0, summary.imported, {})
    await holds(target, shop, export)


def rejected_rows(folder: Path, export: Export) -> list[str]:
    listed = folder / "export.csv.rejected.csv"
    return listed.read_text(export.encoding.removesuffix("-sig")).splitlines()[1:]


async def holds(target: Target, shop: str, export: Export) -> None:
    async with administration(target, await tenants.find(target, shop)) as connection:
        assert await orders(connection) == export.orders
        assert await lines(connection) == export.lines
        assert await torn_totals(connection) == []
        assert await partners(connection) == export.partners
        assert tuple(tuple(row) for row in await connection.fetch(RETURNED)) == export.returned
