"""Files of products, partners and counted stock, imported: each in one transaction."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from core.errors import Unavailable
from db.admin.statistics import analyse
from db.runtime import bulk
from db.runtime.engine import Target
from db.runtime.failures import GONE
from services.imports import counting, keeping, record, renamed, things
from services.imports.mapping import read
from services.imports.mapping.things import PartnersMapping, ProductsMapping, StockMapping, ThingsMapping
from services.imports.rejects import Rejects
from services.imports.reporting import Report, reporting, silent
from services.imports.source import opened
from services.imports.summary import ThingsSummary, things_preview
from services.imports.things import Kind, Things
from services.imports.transaction import announce, begin
from services.platform import sweeping, tenants

TABLES = {
    "products": ("products", "imports", "import_records"),
    "partners": ("partners", "imports", "import_records"),
    "stock": ("stock_levels", "stock_moves", "events", "imports"),
}
"""What an import of each kind writes."""


ANNOUNCED = {"products": ("PRODUCT",), "partners": ("PARTNER",), "stock": ("STOCK_LEVEL", "ORDER")}
"""The kinds of records that those that follow changes read again."""


async def import_things(
    target: Target, tenant: str, what: str, file: Path, mapping: Path, report: Report = silent, *, dry_run: bool = False
) -> ThingsSummary:
    """Import a file of ``products``, ``partners`` or ``stock``: counted quantities, through the stock engine. All of it, or
    nothing on a fault.

    Rows that can't be taken go to ``FILE.rejected.csv``. Raises what ``import_orders`` raises.
    """
    rules, kind = _kind(what, mapping)
    with opened(file, rules.file, rules.headers) as source:
        rows = Things(rules, source, kind)
        try:
            identity = await tenants.find(target, tenant)
            if isinstance(rules, StockMapping):
                await sweeping.let_go(target, identity)
            with Rejects(file) as rejects:
                async with begin(target, identity, keep=not dry_run) as connection:
                    made = await record.begin(connection, identity, what, file, mapping)
                    await _stage(connection, identity, kind, rows.columns, reporting(rows, source, report))
                    report("storing", 0, 1)
                    if isinstance(rules, StockMapping):
                        stored = await counting.store(connection, identity, rules.reason)
                    else:
                        stored = await keeping.store(connection, identity, made, kind)
                    found = await keeping.counts(connection)
                    counted = (what, rows.read, *found, dict(rows.left_out), rejects.path)
                    shown = await things_preview(connection) if dry_run else ""
                    summary = ThingsSummary(*counted, dry_run=dry_run, preview=shown)
                    await record.finish(connection, identity, made, summary.as_facts(), stored=bool(stored))
                    report("storing", 1, 1)
                    if not dry_run:
                        await rejects.write(connection, source, rules.file, "import_things")
                        rejects.publish()
                    if stored:
                        await announce(connection, identity, *ANNOUNCED[what])
        except GONE as error:
            raise Unavailable("The database can't be reached. Nothing was imported.") from error
    if stored and not dry_run:
        await analyse(target, TABLES[what], written=stored)
    return summary


def _kind(what: str, mapping: Path) -> tuple[ThingsMapping, Kind]:
    if what == "products":
        products = read(mapping, ProductsMapping)
        return products, things.products(products)
    if what == "partners":
        partners = read(mapping, PartnersMapping)
        return partners, things.partners(partners)
    stock = read(mapping, StockMapping)
    return stock, things.stock(stock)


async def _stage(
    connection: Any, tenant: UUID, kind: Kind, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]
) -> None:
    fields = ", ".join(f"{field.column} {field.type}" for field in kind.fields)
    await connection.execute(keeping.STAGE.format(fields=fields))
    await bulk.copy(connection, "import_things", columns, rows)
    named = {"key": "partner" if kind.table == "partners" else "product"}
    named |= {"location": "location"} if "location" in columns else {}
    await renamed.follow(connection, tenant, "import_things", named)
    await connection.execute("ANALYZE import_things")
