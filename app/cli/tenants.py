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

app = typer.Typer(no_args_is_help=True, help="Companies that share the deployment and never see each other.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Its name, unique in the deployment.")],
    currency: Annotated[str, typer.Option(help="Its own currency, an ISO 4217 code such as EUR.")],
    timezone: Annotated[str, typer.Option(help="Where its days begin, such as Europe/Berlin.")] = "UTC",
    order_numbers: Annotated[
        str, typer.Option(help="The pattern of its order numbers: {n} or {n:06}, and {year} if wanted.")
    ] = ORDER_PATTERN,
) -> None:
    """Create a tenant and print its id."""

    async def make() -> None:
        async with open_migrated(settings.load()) as target:
            typer.echo(str(await tenants.create(target, name, currency, timezone, order_numbers)))
        say(f"Tenant {name} is there. Create a key for it with: erpgraph key create --tenant {name}")

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
    name: Annotated[str, typer.Argument(help="The tenant's name.")],
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
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What 'erpgraph tenant export' wrote.")],
    name: Annotated[str | None, typer.Option("--as", help="Its name here. Left out: the name that it had.")] = None,
) -> None:
    """Store an exported tenant in this database, with the same ids, keys, events and stock: all of it, or nothing.

    It must not be here yet. What is stored is compared with the export before it counts, and then the books are checked as by
    'erpgraph stock verify': exit code 1 if there are differences, which were exported as well then.
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
def freeze(name: Annotated[str, typer.Argument(help="The tenant's name.")]) -> None:
    """Let a tenant be read and not changed, in every process at once, and wait for the changes that began before.

    Commands are answered with TENANT_FROZEN and Retry-After until 'erpgraph tenant unfreeze'.
    """

    async def stop() -> None:
        from services.platform.transfer import freeze as freezer

        async with open_home(settings.load(), name) as (target, tenant):
            begun = await freezer.freeze(target, tenant)
        say(f"{name} is frozen: it can be read, and not changed." if begun else f"{name} was frozen before.")

    run(stop())


@app.command()
def unfreeze(name: Annotated[str, typer.Argument(help="The tenant's name.")]) -> None:
    """Let a frozen tenant be changed again."""

    async def go_on() -> None:
        from services.platform.transfer import freeze as freezer

        async with open_home(settings.load(), name) as (target, tenant):
            thawed = await freezer.unfreeze(target, tenant)
        say(f"{name} can be changed again." if thawed else f"{name} wasn't frozen.")

    run(go_on())


@app.command()
def erase(
    name: Annotated[str, typer.Argument(help="The tenant's name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete a tenant and all that it has, for good. Asks first.

    It is frozen first, and its keys end. No other tenant notices. What was interrupted goes on when it is run again.
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
    name: Annotated[str, typer.Argument(help="The tenant's name.")],
    database: Annotated[str, typer.Argument(help="One of ERPGRAPH_DATABASES, or main: that of ERPGRAPH_DATABASE_URL.")],
    grace: Annotated[float, typer.Option(help="Seconds that the old copy stays for its readers.")] = 10.0,
) -> None:
    """Move a tenant to another database, with its ids, keys, events and stock.

    It can be read all the time, and not changed for some seconds: commands are answered with TENANT_FROZEN and Retry-After.
    A move that was interrupted, however it was, is completed or begun anew by the same command.
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
