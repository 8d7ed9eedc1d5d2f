"""One import from beginning to end, in one transaction."""

from pathlib import Path

from core.errors import Unavailable
from db.admin.statistics import analyse
from db.runtime.engine import Target
from db.runtime.failures import GONE
from services.imports import promising, record
from services.imports.mapping import load
from services.imports.rejects import Rejects
from services.imports.reporting import Report, reporting, silent
from services.imports.rows import Rows
from services.imports.source import opened
from services.imports.store import Store
from services.imports.summary import Summary, preview
from services.imports.transaction import announce, begin
from services.platform import sweeping, tenants

TABLES = ("partners", "products", "orders", "line_items", "imports", "import_records")
"""What an import writes."""


async def import_orders(
    target: Target, tenant: str, file: Path, mapping: Path, report: Report = silent, *, dry_run: bool = False
) -> Summary:
    """Import a file of order lines for the tenant of that name; all of it, or nothing on a fault. ``dry_run``: do all of it,
    and undo it; the summary has a preview.

    Rows that can't be taken go to ``FILE.rejected.csv``. Raises ``BadInput`` with one sentence for an
    unknown tenant, a broken mapping, and a file that is missing, lacks a mapped column, isn't written
    in the mapping's encoding, or has a folder that can't be written; ``Unavailable`` without a database.
    """
    rules = load(mapping)
    with opened(file, rules.file, rules.headers) as source:
        rows = Rows(rules, source)
        try:
            identity = await tenants.find(target, tenant)
            if rules.status and rules.status.confirms:
                await sweeping.let_go(target, identity)
            with Rejects(file) as rejects:
                async with begin(target, identity, keep=not dry_run) as connection:
                    made = await record.begin(connection, identity, "orders", file, mapping)
                    store = Store(connection, identity, rules, rows.extra)
                    await store.stage(rows.columns, reporting(rows, source, report))
                    report("checking", 0, 1)
                    await store.judge(source.headers_again)
                    report("checking", 1, 1)
                    report("storing", 0, 1)
                    await store.settle()
                    stored, totals = await store.store(made)
                    if rules.status and rules.status.confirms:
                        await promising.reserve(connection, identity)
                    counts = await store.counts()
                    report("storing", 1, 1)
                    summary = Summary.of(rows.read, stored, counts, rows.left_out, totals, rejects.path, rules.currency)
                    summary = summary.with_unknown_countries(rows.unknown_countries)
                    await record.finish(connection, identity, made, summary.as_facts(), stored=bool(stored.orders))
                    if dry_run:
                        return summary.with_preview(await preview(connection, identity))
                    await rejects.write(connection, source, rules.file)
                    # Before the commit: a crash between the two leaves a list too many, not rows too few.
                    rejects.publish()
                    if stored.lines:
                        await announce(connection, identity, "PARTNER", "PRODUCT", "ORDER", "STOCK_LEVEL")
        except GONE as error:
            raise Unavailable("The database can't be reached. Nothing was imported.") from error
    if stored.lines:
        await analyse(target, TABLES, written=stored.lines)
    return summary
