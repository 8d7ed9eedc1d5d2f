"""``erpgraph import``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import settings
from app.cli.support import progress, run, say, table
from app.database import open_home

if TYPE_CHECKING:
    from services.imports.record import Imported

app = typer.Typer(no_args_is_help=True, help="Import data from other systems.")


@app.command()
def orders(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of order lines, or a .gz of one.")],
    tenant: Annotated[str, typer.Option(help="The name of the tenant that gets the orders.")],
    mapping: Annotated[Path, typer.Option(help="The TOML file that defines what the columns mean (docs/import.md).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing: show what the import would do.")] = False,
) -> None:
    """Import orders from a file of order lines.

    They become closed orders, fully shipped, without effect on today's stock, unless the mapping says otherwise. An order is
    stored whole or not at all. Rejected rows go to FILE.rejected.csv with the reason. A run that fails stores nothing, and a
    second run of the same file adds nothing.

    Exit code 0: all is stored; 3: some rows were rejected; 1: nothing could be stored.
    """

    async def load() -> int:
        from services.imports import import_orders
        from services.imports.mapping import load as read_mapping

        read_mapping(mapping)  # what is wrong with it is reported before a database is needed
        with progress() as report:
            async with open_home(settings.load(), tenant) as (target, _):
                summary = await import_orders(target, tenant, file, mapping, report, dry_run=dry_run)
        typer.echo(str(summary))
        return summary.exit_code

    if code := run(load()):
        raise typer.Exit(code)


def _things(what: str, tenant: str, file: Path, mapping: Path, *, dry_run: bool) -> None:
    async def load() -> int:
        from services.imports.things_run import import_things

        with progress() as report:
            async with open_home(settings.load(), tenant) as (target, _):
                summary = await import_things(target, tenant, what, file, mapping, report, dry_run=dry_run)
        typer.echo(str(summary))
        return summary.exit_code

    if code := run(load()):
        raise typer.Exit(code)


File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, or a .gz of one.")]
Tenant = Annotated[str, typer.Option(help="The tenant's name.")]
MappingFile = Annotated[Path, typer.Option(help="The TOML file that defines what the columns mean (docs/import.md).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Store nothing: show what the import would do.")]


@app.command()
def products(file: File, tenant: Tenant, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import products, one for each row, by their SKU.

    Products that are there already stay as they are. The exit codes are those of 'erpgraph import orders'.
    """
    _things("products", tenant, file, mapping, dry_run=dry_run)


@app.command()
def partners(file: File, tenant: Tenant, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import customers and suppliers, one for each row, by their code.

    Partners that are there already stay as they are. The exit codes are those of 'erpgraph import orders'.
    """
    _things("partners", tenant, file, mapping, dry_run=dry_run)


@app.command()
def stock(file: File, tenant: Tenant, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import counted stock: a row for each product at a location.

    Each balance becomes the counted quantity, by a move with the mapping's reason. The exit codes are those of
    'erpgraph import orders'.
    """
    _things("stock", tenant, file, mapping, dry_run=dry_run)


@app.command()
def guess(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of order lines, or a .gz of one.")],
) -> None:
    """Print a proposal of a mapping for a file of order lines, with doubts as comments.

    It imports nothing, and needs no database.
    """
    from services.imports.guess import guess as proposed

    typer.echo(proposed(file))


@app.command("list")
def every(tenant: Annotated[str, typer.Option(help="The tenant's name.")]) -> None:
    """List a tenant's imports, oldest first: when, which file (with its SHA-256), and what was stored."""

    async def show() -> None:
        from services.imports import record

        async with open_home(settings.load(), tenant) as (target, _):
            found = await record.every(target, tenant)
        header = ("ID", "IMPORTED", "KIND", "FILE", "SHA-256", "ROWS", "REJECTED", "STORED", "STATE")
        table(header, [_cells(each) for each in found])

    run(show())


def _cells(each: "Imported") -> tuple[str, ...]:
    rows = each.counts.get("rows", {})
    stored = [
        f"{each.counts[name]:,} {name}"
        for name in ("orders", "products", "partners", "balances")
        if each.counts.get(name)
    ]
    return (
        *(str(each.id), f"{each.created_at:%Y-%m-%d %H:%M}", each.kind, each.file, each.digest[:16]),
        *(f"{rows.get('read', 0):,}", f"{rows.get('rejected', 0):,}", ", ".join(stored)),
        "" if each.undone_at is None else "undone",
    )


@app.command()
def undo(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The import's id: 'erpgraph import list' shows it.")],
    tenant: Annotated[str, typer.Option(help="The tenant's name.")],
) -> None:
    """Delete what an import stored, unless later changes depend on it: then list those."""

    async def take_back() -> None:
        from services.imports.undo import undo as undone

        async with open_home(settings.load(), tenant) as (target, _):
            gone = await undone(target, tenant, identity)
        say("Deleted " + ", ".join(f"{rows:,} {name}" for name, rows in gone.items()) + ".")

    run(take_back())
