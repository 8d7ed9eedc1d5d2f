"""``erpgraph tenant``."""

from pathlib import Path
from typing import Annotated

import typer

from app import __version__, settings
from app.cli.stock import compare
from app.cli.support import progress, run, say, table
from app.database import open_every, open_home, open_migrated, reach, require_head
from app.databases import MAIN
from core.numbering import ORDER_PATTERN
from services.platform import tenants

app = typer.Typer(
    no_args_is_help=True, help="Tenants: the companies that share the deployment. None sees another's data."
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, unique in the deployment.")],
    currency: Annotated[str, typer.Option(help="Its currency, an ISO 4217 code such as EUR.")],
    timezone: Annotated[
        str, typer.Option(help="Its time zone, in which its days begin, such as Europe/Berlin.")
    ] = "UTC",
    order_numbers: Annotated[
        str, typer.Option(help="The pattern of its order numbers: {n} or {n:06}, and {year} if wanted.")
    ] = ORDER_PATTERN,
) -> None:
    """Create a tenant and print its id."""

    async def make() -> None:
        async with open_migrated(settings.load()) as target:
            typer.echo(str(await tenants.create(target, name, currency, timezone, order_numbers)))
        say(f"Created tenant {name}. Create a key for it with: erpgraph key create --tenant {name}")

    run(make())


@app.command("list")
def every() -> None:
    """List the tenants by name."""

    async def show() -> None:
        async with open_migrated(settings.load()) as target:
            found = await tenants.every(target)
        rows = [
            (
                *(row.name, row.currency, row.timezone, f"{row.created_at:%Y-%m-%d}", str(row.id)),
                f"in {row.database}" if row.database else "frozen" if row.frozen_at else "",
            )
            for row in found
        ]
        table(("NAME", "CURRENCY", "TIMEZONE", "CREATED", "ID", "STATE"), rows)

    run(show())


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty, or not there yet.")],
) -> None:
    """Write all that a tenant has into DIR: a file of JSON lines for each table, and manifest.json.

    All files are of one moment. It works beside a running server. Only you may read DIR: it has personal data and the hashes
    of keys.
    """

    async def write() -> None:
        from services.platform.transfer.export import export as exported

        async with open_home(settings.load(), name) as (target, _):
            with progress() as report:
                made = await exported(target, name, folder, __version__, report)
        say(f"Exported {made.rows:,} rows of {len(made.tables)} tables of {made.tenant.name} to {folder}.")
        say("Keep it as you would the database: it has personal data and the hashes of keys.")

    run(write())


@app.command("import")
def load(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of 'erpgraph tenant export'.")],
    name: Annotated[str | None, typer.Option("--as", help="Its name here. [default: the name that it had]")] = None,
) -> None:
    """Store an exported tenant in this database, with the same ids, keys, events and stock: all of it, or nothing.

    It must not be in this database yet. What is stored is compared with the export before it is committed. Then the books are
    checked (as by 'erpgraph stock verify'): exit code 1 if they have differences, which are in the export then.
    """

    async def fill() -> int:
        from services.platform.transfer.load import load as loaded

        async with open_migrated(settings.load()) as target:
            with progress() as report:
                made, here = await loaded(target, folder, name, report)
            say(f"Imported {made.rows:,} rows of {len(made.tables)} tables as {here}.")
            return await compare(target, here)

    if run(fill()):
        raise typer.Exit(1)


@app.command()
def freeze(name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")]) -> None:
    """Make a tenant read-only, in every process at once.

    The command waits for changes that have begun. Mutations are answered with TENANT_FROZEN and Retry-After until 'erpgraph tenant unfreeze'.
    """

    async def stop() -> None:
        from services.platform.transfer import freeze as freezer

        async with open_home(settings.load(), name) as (target, tenant):
            begun = await freezer.freeze(target, tenant)
        say(f"{name} is frozen: it can be read, and not changed." if begun else f"{name} was frozen before.")

    run(stop())


@app.command()
def unfreeze(name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")]) -> None:
    """End the freeze of a tenant."""

    async def go_on() -> None:
        from services.platform.transfer import freeze as freezer

        async with open_home(settings.load(), name) as (target, tenant):
            thawed = await freezer.unfreeze(target, tenant)
        say(f"{name} can be changed again." if thawed else f"{name} wasn't frozen.")

    run(go_on())


@app.command()
def erase(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete a tenant and all that it has, for good. Asks first.

    It is frozen first, and its keys are revoked. Other tenants are not affected. If it is interrupted, run it again: it goes on.
    Exports and backups keep what they have.
    """

    async def delete() -> None:
        from services.platform.transfer.erase import erase as erased

        async with open_migrated(settings.load()) as main, open_home(settings.load(), name) as (target, tenant):
            if not yes:
                typer.confirm(f"Delete {name} with all that it has, for good?", abort=True, err=True)
            with progress() as report:
                gone: dict[str, int] = {}
                if await tenants.known(target, tenant):  # one that was interrupted may be gone there
                    gone = await erased(target, tenant, report)
                if target != main:  # the row that says where it lives
                    await erased(main, tenant)
        say(f"Erased {sum(gone.values()):,} rows of {name}.")

    run(delete())


@app.command()
def move(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")],
    database: Annotated[
        str,
        typer.Argument(metavar="DATABASE", help="One of ERPGRAPH_DATABASES, or main: that of ERPGRAPH_DATABASE_URL."),
    ],
    grace: Annotated[
        float, typer.Option(help="Seconds that the old copy stays, for requests that still read it.")
    ] = 10.0,
) -> None:
    """Move a tenant to another database, with its ids, keys, events and stock.

    It can be read all the time, but not changed for some seconds: mutations are answered with TENANT_FROZEN and Retry-After.
    If a move is interrupted, run the same command again: it completes the move, or begins it again.
    """

    async def carry() -> None:
        from services.platform.transfer.move import Move

        chosen = settings.load()
        async with open_every(chosen) as targets:
            for target in targets.values():
                await require_head(target)
            tenant = await tenants.find(targets[MAIN], name)
            await reach(database, targets)
            with progress() as report:
                done = await Move(targets, MAIN, tenant, database, grace=grace, report=report).run()
        say(
            f"{name} lives in {database}: {done.rows:,} rows moved, and for {done.frozen:.1f} s nothing could be changed."
        )

    run(carry())
