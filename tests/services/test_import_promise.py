"""The promise of docs/import.md, on generated files with generated damage.

Every record is imported, already there, left out or rejected with its line and reason, and the four add up; an order is stored
whole or not at all; correcting the list of rejected rows and importing it completes the import; a second run adds nothing.
"""

import csv
import os
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest

from db.runtime.engine import Target, administration
from services.imports import Summary, import_orders
from tests.support.generated import HEADER, Generated, Line, by_order, generate

FILES = int(os.environ.get("ERPGRAPH_FUZZ_FILES", "120"))
"""``make fuzz`` tries 10,000, which are others each time."""
FIRST = int(os.environ.get("ERPGRAPH_FUZZ_SEED", "0"))
SECONDS = float("inf") if "ERPGRAPH_FUZZ_FILES" in os.environ else 25.0
"""How long it goes on: on a busy machine fewer files are tried, and none fails for it."""
OFTEN = 10
"""Every so many files are imported a second time, and their lists corrected by hand: that takes three times as long."""

_LINES = """
SELECT o.number, p.sku, trim_scale(l.quantity)::text, trim_scale(l.unit_price)::text, trim_scale(l.total)::text,
       trim_scale(l.returned)::text
FROM line_items l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id
WHERE o.number LIKE $1
"""
_TOTALS = """
SELECT o.number FROM orders o LEFT JOIN line_items l ON l.order_id = o.id WHERE o.number LIKE $1
GROUP BY o.id, o.number, o.total HAVING o.total IS DISTINCT FROM coalesce(sum(l.total), 0)
"""


def check_sum(summary: Summary, records: int) -> None:
    parts = (summary.imported, summary.already_there, sum(summary.left_out.values()), sum(summary.rejected.values()))
    assert summary.read == records == sum(parts)


async def stored(target: Target, tenant: UUID, pattern: str) -> dict[str, list[Line]]:
    async with administration(target, tenant) as connection:
        assert await connection.fetch(_TOTALS, pattern) == []
        return by_order([tuple(row) for row in await connection.fetch(_LINES, pattern)])


def rejected(file: Path, delimiter: str) -> list[list[str]]:
    with file.with_name(f"{file.name}.rejected.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader((line.replace("\0", "?") for line in stream), delimiter=delimiter)
    assert header == ["line", "reason", *HEADER]
    return rows


def near_unreadable(made: Generated) -> set[str]:
    """Orders that stand next to a row of which nobody can tell whose it is."""
    near: set[str] = set()
    for at, row in enumerate(made.rows):
        if row.damage in {"short", "long", "quote"}:
            near |= {other.order for other in made.rows[max(at - 1, 0) : at + 2]}
    return near


def mended(made: Generated, rows: list[list[str]], delimiter: str, file: Path) -> None:
    """The list with each of its rows as it should have been."""
    first: dict[str, list[str]] = {}
    for row in made.rows:
        first.setdefault(row.order, row.cells)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["line", "reason", *HEADER])
        for line, reason, *_ in rows:
            row = made.rows[made.line_of[int(line)]]
            # What stands once per order stands in each row of the list.
            writer.writerow(
                [line, reason, *(cell or first[row.order][at] for at, cell in enumerate(row.cells[:4])), *row.cells[4:]]
            )


@pytest.mark.one_server
async def test_the_promise_on_generated_files(target: Target, acme: UUID, tmp_path: Path) -> None:
    file, mapping = tmp_path / "orders.csv", tmp_path / "mapping.toml"
    end = monotonic() + SECONDS
    for seed in range(FIRST, FIRST + FILES):
        if monotonic() > end:
            break
        made = generate(seed)
        delimiter = made.mapping.partition('delimiter = "')[2][:2].replace("\\t", "\t")[0]
        file.write_text(made.content, "utf-8", newline="")
        mapping.write_text(made.mapping, "utf-8")
        summary = await import_orders(target, "acme", file, mapping)
        check_sum(summary, made.records)
        damaged = {row.order for row in made.rows if row.damage}
        found = await stored(target, acme, f"N{seed}-%")
        assert set(found) & damaged == set(), seed
        assert set(made.expected) - set(found) <= damaged | near_unreadable(made), seed
        assert found == {number: made.expected[number] for number in found}, seed
        rows = rejected(file, delimiter)
        lines = {int(row[0]) for row in rows}
        assert lines == {line for line, at in made.line_of.items() if made.rows[at].order not in found}, seed
        assert all(": " in row[1] for row in rows)
        assert summary.exit_code == (0 if not rows else 3 if found else 1)
        if seed % OFTEN == 0:
            await complete(target, acme, made, rows, delimiter, file, mapping)


async def complete(
    target: Target, tenant: UUID, made: Generated, rows: list[list[str]], delimiter: str, file: Path, mapping: Path
) -> None:
    """Correct the list and import it; then the whole file as it should have been adds nothing."""
    listed = file.with_name("corrected.csv")
    mended(made, rows, delimiter, listed)
    summary = await import_orders(target, "acme", listed, mapping)
    check_sum(summary, len(rows))
    assert (summary.imported, summary.rejected) == (len(rows), {})
    prefix = next(iter(made.expected)).partition("-")[0]
    assert await stored(target, tenant, f"{prefix}-%") == made.expected
    file.write_text(made.clean, "utf-8", newline="")
    again = await import_orders(target, "acme", file, mapping)
    assert (again.imported, again.already_there, again.rejected) == (0, len(made.rows), {})
