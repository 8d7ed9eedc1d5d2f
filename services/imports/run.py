"""One import from beginning to end, in one transaction."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from core.changes import KINDS
from core.errors import BadInput, Unavailable
from core.ids import new_id
from db.admin.statistics import analyse
from db.runtime import freezing, log
from db.runtime.engine import Target
from db.runtime.failures import GONE
from db.runtime.sessions import SHARDED, server_version
from db.tenancy import set_tenant
from services.imports.mapping import load
from services.imports.rejects import Rejects
from services.imports.rows import Rows
from services.imports.source import Source, opened
from services.imports.store import Store
from services.imports.summary import Summary
from services.platform import tenants

Report = Callable[[str, int, int], None]
"""Told of progress: the stage (bytes read, checking, storing), what is done of it, and how much it is in all."""

REPORT_EVERY = 1_000

TABLES = ("partners", "products", "orders", "line_items")
"""What an import writes."""

RELOAD = tuple(KINDS[name].number for name in ("PARTNER", "PRODUCT", "ORDER"))
"""What those that follow changes have to read as a whole afterwards: a million records aren't told one by one."""


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


async def import_orders(target: Target, tenant: str, file: Path, mapping: Path, report: Report = _silent) -> Summary:
    """Import a file of order lines for the tenant of that name; all of it, or nothing on a fault.

    Rows that can't be taken go to ``FILE.rejected.csv``. Raises ``BadInput`` with one sentence for an
    unknown tenant, a broken mapping, and a file that is missing, lacks a mapped column, isn't written
    in the mapping's encoding, or has a folder that can't be written; ``Unavailable`` without a database.
    """
    rules = load(mapping)
    with opened(file, rules.file, rules.headers) as source:
        rows = Rows(rules, source)
        try:
            identity = await tenants.find(target, tenant)
            with Rejects(file) as rejects:
                async with _transaction(target, identity) as connection:
                    store = Store(connection, identity, rules, rows.extra)
                    await store.stage(rows.columns, _told(rows, source, report))
                    report("checking", 0, 1)
                    await store.judge(source.headers_again)
                    report("checking", 1, 1)
                    report("storing", 0, 1)
                    await store.settle()
                    stored, totals = await store.store()
                    counts = await store.counts()
                    report("storing", 1, 1)
                    await rejects.write(connection, source, rules.file)
                    # Before the commit: a crash between the two leaves a list too many, not rows too few.
                    rejects.publish()
                    if stored.lines:
                        await connection.execute(log.place(identity, new_id(), reload=RELOAD))
        except GONE as error:
            raise Unavailable("The database can't be reached. Nothing was imported.") from error
    if stored.lines:
        await analyse(target, TABLES)
    return Summary.of(rows.read, stored, counts, rows.left_out, totals, rejects.path, rules.currency)


@contextlib.asynccontextmanager
async def _transaction(target: Target, tenant: UUID) -> AsyncIterator[Any]:
    """A transaction as the serving role, bound to the tenant: the policies check every row.

    Its own connection, because the pools' statement timeout is for requests.
    """
    connection = await asyncpg.connect(target.serving, server_settings=target.settings(), timeout=5)
    try:
        if await server_version(connection) == SHARDED:
            raise BadInput(
                "The tables are spread over servers, where a file can't be compared with what is there. Import it into a database "
                "of its own, and bring the tenant here by 'erpgraph tenant export' and 'import'. Nothing was imported."
            )
        async with connection.transaction():
            await freezing.begin(connection, set_tenant(tenant))
            yield connection
    finally:
        await connection.close()


def _told(rows: Iterable[tuple[Any, ...]], source: Source, report: Report) -> Iterator[tuple[Any, ...]]:
    """The rows, with a word on progress now and then, in bytes of the file."""
    for count, row in enumerate(rows):
        # The last bytes have been read long before the last row is parsed.
        if count % REPORT_EVERY == 0 and source.tell() < source.size:
            report("bytes read", source.tell(), source.size)
        yield row
    report("bytes read", source.size, source.size)
