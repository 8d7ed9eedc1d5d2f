"""``erpgraph db``."""

from pathlib import Path
from typing import Annotated

import typer

from app import __version__, settings
from app.cli.feed import report_restored
from app.cli.stock import compare
from app.cli.support import run, say
from app.database import open_database, open_every, open_migrated, require_head
from app.database import upgrade as bring
from app.databases import MAIN
from app.development import KEY_FILE
from core.errors import BadInput
from db.admin import migrate
from db.admin.reset import check_unused, erase, present
from services.platform import sweeping

Programs = Annotated[
    Path | None, typer.Option(help="The folder with pg_dump and pg_restore, where they aren't found by themselves.")
]

app = typer.Typer(no_args_is_help=True, help="The database: its tables, its backups and where it is.")


@app.command()
def upgrade() -> None:
    """Create the roles where they are missing, and migrate the tables of all databases to the newest revision."""

    async def migrate_it() -> None:
        chosen = settings.load()
        async with open_every(chosen) as targets:
            for name, target in targets.items():
                before = await migrate.current(target)
                # The marks of the embedded one are no other's.
                await bring(
                    chosen if name == MAIN else chosen.model_copy(update={"database_url": target.admin}), target
                )
                named = "The database" if name == MAIN else f"The database {name}"
                say(f"{named} is at {migrate.head()} (it was {'empty' if before is None else f'at {before}'}).")
                if await migrate.left(target):
                    say("Servers of the release before may go on. When all are replaced, run 'erpgraph db finish'.")

    run(migrate_it())


@app.command()
def finish() -> None:
    """Take away what only servers of the release before need, in all databases: after an upgrade, when all servers are replaced."""

    async def finish_it() -> None:
        async with open_every(settings.load()) as targets:
            for name, target in targets.items():
                await require_head(target)
                there = await migrate.left(target)
                await migrate.finish(target)
                named = "the database" if name == MAIN else f"the database {name}"
                say(
                    f"Took {there} keys of the release before from {named}."
                    if there
                    else f"Nothing is left in {named}."
                )

    run(finish_it())


@app.command()
def status() -> None:
    """Print the database's revision, and those of others. Exit code 1 if one isn't the newest."""

    async def look() -> dict[str, str | None]:
        async with open_every(settings.load()) as targets:
            return {name: await migrate.current(target) for name, target in targets.items()}

    found = run(look())
    for name, current in found.items():
        state = "current" if current == migrate.head() else f"newest: {migrate.head()}"
        typer.echo(f"{'' if name == MAIN else f'{name}: '}{current or 'empty'} ({state})")
    if {*found.values()} != {migrate.head()}:
        raise typer.Exit(1)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete the embedded server's data, its keys too; the next start begins with the demo. Asks first.

    It never touches a database of your own, nor what else is in the data folder.
    """
    chosen = settings.load()
    if chosen.database_url:
        raise BadInput("ERPGRAPH_DATABASE_URL names a database of your own; only the embedded server's data are reset.")
    found = present(chosen.data_dir, KEY_FILE)
    if not found:
        say(f"There are no data in {chosen.data_dir}.")
        return
    check_unused(chosen.data_dir)
    if not yes:
        typer.confirm(f"Delete all data of the embedded server in {chosen.data_dir}?", abort=True, err=True)
    erase(chosen.data_dir, KEY_FILE)
    say(f"The data in {chosen.data_dir} are deleted.")


@app.command()
def url() -> None:
    """Print the administrator's connection URL, for psql and the like.

    The embedded server runs only while something uses it: keep 'erpgraph serve' running meanwhile.
    """

    async def look() -> str:
        async with open_database(settings.load()) as target:
            return target.admin

    typer.echo(run(look()))


@app.command()
def sweep() -> None:
    """Let go of holds whose time is over, delete idempotency keys older than 48 hours and the feed of more than ERPGRAPH_FEED_DAYS
    days ago, work out the sums that are kept for reports, and make the coming months of ledgers that are partitioned.

    'erpgraph worker' does this, again and again. Without one run it once a day, or every few minutes where orders may wait for goods that baskets hold: what ended is free at once, but goes
    to orders that wait with the next command about the product, or with this. Keys and holds of busy tenants go with their commands.
    """

    async def sweep_them() -> list[str]:
        from db.admin.partitions import extend

        chosen = settings.load()
        async with open_every(chosen) as targets:
            swept = [await sweeping.sweep(target, chosen.feed_days) for target in targets.values()]
            for each in sweeping.everything():
                say(each.report.format(sum(found[each.name] for found in swept)))
            return [name for target in targets.values() for name in await extend(target)]

    if made := run(sweep_them()):
        say(f"Made {', '.join(made)}.")


@app.command()
def partition() -> None:
    """Partition the ledgers (events and stock moves) by month, beside a running server, and make the months to come.

    For tables of many millions of rows. Afterwards 'erpgraph db sweep' makes the months. There is no way back but by a dump.
    """

    async def part() -> list[str]:
        from db.admin.partitions import partition as parted

        async with open_migrated(settings.load()) as target:
            return await parted(target)

    made = run(part())
    say(f"Made {', '.join(made)}." if made else "Everything is there already.")


@app.command()
def distribute() -> None:
    """Spread the tables over the servers of a Citus cluster, by tenant; after each 'db upgrade' the new ones.

    The database must be on the coordinator and have the extension. What is spread already stays as it is.
    """

    async def spread() -> list[str]:
        from db.admin.distribute import distribute as distributed

        chosen = settings.load()
        async with open_database(chosen) as target:
            return await distributed(target)

    tables = run(spread())
    say(f"Spread {len(tables)} tables: {', '.join(tables)}." if tables else "All tables are spread already.")


@app.command()
def dump(file: Annotated[Path, typer.Argument(help="A file that isn't there yet.")], programs: Programs = None) -> None:
    """Write all rows of all tenants to FILE, and what is in it to FILE.manifest.json.

    It reads as erpgraph_backup, whose policies show every row, counts what it wrote, and leaves no file if a row is missing.
    FILE is an archive for pg_restore that only you may read: it has the hashes of keys. It works beside a running server.
    """

    async def write() -> None:
        from db.admin.dump import dump as dumped

        async with open_database(settings.load()) as target:
            made = await dumped(target, file, __version__, programs)
        say(f"Dumped {made.rows:,} rows of {len(made.tables)} tables at revision {made.revision} to {file}.")

    run(write())


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What 'erpgraph db dump' wrote, its manifest beside it.")],
    programs: Programs = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Migrate what is restored, where an older program dumped it.")
    ] = False,
) -> None:
    """Fill a new, empty database from FILE, and check that it is what was dumped.

    Everything is restored or nothing. Rows are counted, those that follow are told (as by 'erpgraph feed restored'), and then the books are checked as by 'erpgraph stock verify':
    exit code 1 if there are differences, which were dumped as well then.
    """

    async def fill() -> int:
        from db.admin.restore import restore as restored

        chosen = settings.load()
        async with open_database(chosen) as target:
            made = await restored(target, file, programs, older=upgrade)
            say(f"Restored {made.rows:,} rows of {len(made.tables)} tables at revision {made.revision}.")
            if upgrade or not chosen.database_url:
                await bring(chosen, target)
                await migrate.finish(target)
            await report_restored(target)
            return await compare(target)

    if run(fill()):
        raise typer.Exit(1)
