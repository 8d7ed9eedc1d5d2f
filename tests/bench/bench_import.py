"""How long an import takes, as a multiple of a bare COPY of the rows that it ends in.

    python -m tests.bench.bench_import [FILE MAPPING]

On ERPGRAPH_DATABASE_URL's server, or on an embedded one of its own; in a database of its own either
way. Import and COPY alternate in one process: the import is a whole ``import_orders`` call, the COPY
puts the same final rows, as PostgreSQL's own binary format has them, into the same empty tables with
all their indexes, and commits. Before that, files of 1,000 and of 100,000 rows are made and imported: the
second may not take much more memory than the first. Prints the memory, both medians and the ratio; exits 1
where the ratio is above 4, or the memory grew by more than 32 MB.
"""

import asyncio
import csv
import io
import os
import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import asyncpg

from db.admin import embedded, migrate
from db.runtime.engine import Target
from db.tenancy import OWNER
from services.imports import Summary, import_orders
from services.platform import tenants

HERE = Path(__file__).resolve().parents[2]
FILE = HERE.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
MAPPING = HERE / "examples" / "import" / "online-retail.toml"
TABLES = ("partners", "products", "orders", "line_items")
ROUNDS = 5
LIMIT = 4.0
FEW, MANY = 1_000, 100_000
LINES = 10
"""Rows of an order that is made."""
GROWTH = 32.0
"""Megabytes by which the peak of memory may rise from few rows to many."""


def made(rows: int, file: Path) -> Path:
    """A file of so many rows, of other orders than a file of another size has."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country".split(),
        )
        for row in range(rows):
            order, sku = row // LINES, row * 7 % 4_001
            writer.writerow(
                [
                    f"{rows}-{order}",
                    f"P{sku}",
                    f"Product {sku}",
                    row % 20 + 1,
                    "2010-12-01 08:26:00",
                    "2.55",
                    order % 3_001,
                    "Italy",
                ]
            )
    return file


def peak() -> float:
    """Megabytes that this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def growth(target: Target, folder: Path) -> float:
    """Megabytes by which the peak rises from few rows to many."""
    peaks = []
    for rows in (FEW, MANY):
        summary = await import_orders(target, "bench", made(rows, folder / f"{rows}.csv"), MAPPING)
        if summary.imported != rows:
            raise RuntimeError(summary)
        peaks.append(peak())
        print(f"{rows:,} rows: {peaks[-1]:.0f} MB at most", flush=True)
    return peaks[1] - peaks[0]


async def columns_of(connection: asyncpg.Connection, table: str) -> list[str]:
    """The columns that can be written."""
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        table,
    )
    return [row["attname"] for row in rows]


async def copy_out(connection: asyncpg.Connection) -> dict[str, bytes]:
    """The final rows of each table."""
    dumps = {}
    for table in TABLES:
        sink = io.BytesIO()
        columns = await columns_of(connection, table)
        await connection.copy_from_table(table, columns=columns, output=sink, format="binary")
        dumps[table] = sink.getvalue()
    return dumps


async def copy_in(connection: asyncpg.Connection, dumps: dict[str, bytes]) -> float:
    """Seconds that COPY takes for them, with its commit."""
    columns = {table: await columns_of(connection, table) for table in TABLES}
    start = perf_counter()
    async with connection.transaction():
        for table in TABLES:
            source = io.BytesIO(dumps[table])
            await connection.copy_to_table(table, columns=columns[table], source=source, format="binary")
    return perf_counter() - start


async def empty(connection: asyncpg.Connection) -> None:
    await connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    await connection.execute("CHECKPOINT")


async def measure(target: Target, file: Path, mapping: Path) -> tuple[list[float], list[float], Summary]:
    """The seconds of each import and of each COPY, taken in turn."""
    connection = await asyncpg.connect(target.admin)
    # COPY is refused under row-level security; the owner of a table without FORCE isn't bound by it.
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    imports, copies = [], []
    for _ in range(ROUNDS):
        await empty(connection)
        start = perf_counter()
        summary = await import_orders(target, "bench", file, mapping)
        imports.append(perf_counter() - start)
        await connection.execute(f"SET ROLE {OWNER}")
        dumps = await copy_out(connection)
        await connection.execute("RESET ROLE")
        await empty(connection)
        await connection.execute(f"SET ROLE {OWNER}")
        copies.append(await copy_in(connection, dumps))
        await connection.execute("RESET ROLE")
        print(f"import {imports[-1]:.2f} s, bare COPY {copies[-1]:.2f} s", flush=True)
    await connection.close()
    return imports, copies, summary


async def run(admin: str, file: Path, mapping: Path) -> bool:
    """Whether all is within its bound, measured in a database that is made for it and dropped."""
    name = f"erpgraph_bench_{os.getpid()}"
    head, _, tail = admin.partition("?")
    url = head.rpartition("/")[0] + f"/{name}" + (f"?{tail}" if tail else "")
    server = await asyncpg.connect(admin)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
    target = Target.of(url)
    try:
        await migrate.upgrade(target)
        await tenants.create(target, "bench", "GBP")
        grew = await growth(target, file.parent)  # first: afterwards this process holds the rows for COPY
        imports, copies, summary = await measure(target, file, mapping)
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
    ratio = statistics.median(imports) / statistics.median(copies)
    print(summary)
    print(f"median of {ROUNDS}: import {statistics.median(imports):.2f} s, bare COPY {statistics.median(copies):.2f} s")
    print(f"ratio {ratio:.2f} (limit {LIMIT:.0f})")
    print(f"memory grew by {grew:.0f} MB (limit {GROWTH:.0f})")
    return ratio <= LIMIT and grew <= GROWTH


def main() -> int:
    file, mapping = (Path(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) == 3 else (FILE, MAPPING)
    if not file.exists():
        print(f"There is no file {file}: give one, and its mapping.", file=sys.stderr)
        return 2
    # A short name: the embedded server's socket lies in here. Open: its account is not root's.
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-bench-"))
    folder.chmod(0o755)
    given = os.environ.get("ERPGRAPH_DATABASE_URL")
    running = None if given else embedded.start(folder)
    admin = running.url("postgres") if running else given or ""
    try:
        copied = shutil.copyfile(file, folder / file.name)  # its rejected rows belong in here too
        return 0 if asyncio.run(run(admin, copied, mapping)) else 1
    finally:
        if running:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
