"""``erpgraph import``."""

from pathlib import Path
from typing import Annotated

import typer

from app import settings
from app.cli.support import progress, run
from app.database import open_home

app = typer.Typer(no_args_is_help=True, help="Import data from other systems.")


@app.callback()
def group() -> None:
    """Keeps ``orders`` a command of its own, though it is the only one so far."""


@app.command()
def orders(
    file: Annotated[Path, typer.Argument(help="A CSV file of order lines, or a .gz of one.")],
    tenant: Annotated[str, typer.Option(help="The name of the tenant that gets the orders.")],
    mapping: Annotated[Path, typer.Option(help="The TOML file that defines what the columns mean (docs/import.md).")],
) -> None:
    """Import order lines: as closed orders, fully shipped, without effect on today's stock, unless the mapping says otherwise.

    An order is stored whole or not at all. Rejected rows go to FILE.rejected.csv with the reason. A run that fails stores
    nothing, and a second run of the same file adds nothing. Exit code 0: all is stored; 3: some rows were rejected; 1: nothing
    could be stored.
    """

    async def load() -> int:
        from services.imports import import_orders
        from services.imports.mapping import load as read_mapping

        read_mapping(mapping)  # what is wrong with it is told before a database is asked for
        with progress() as report:
            async with open_home(settings.load(), tenant) as (target, _):
                summary = await import_orders(target, tenant, file, mapping, report)
        typer.echo(str(summary))
        return summary.exit_code

    if code := run(load()):
        raise typer.Exit(code)
