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
    Path | None,
    typer.Option(metavar="DIR", help="The folder of pg_dump and pg_restore, if they aren't found automatically."),
]

app = typer.Typer(no_args_is_help=True, help="The database: migrations, upkeep, backups.")


@app.command()
def upgrade() -> None:
    """Create missing roles, and migrate the tables of all databases to the newest revision."""

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
                    say(
                        "Servers of the previous release may keep running. When all are replaced, run 'erpgraph db finish'."
                    )

    run(migrate_it())


@app.command()
def finish() -> None:
    """Remove what only the previous release needs, in all databases.

    Run it after an upgrade, when all servers run the new release.
    """

    async def finish_it() -> None:
        async with open_every(settings.load()) as targets:
            for name, target in targets.items():
                await require_head(target)
                there = await migrate.left(target)
                await migrate.finish(target)
                named = "the database" if name == MAIN else f"the database {name}"
                say(
                    f"Removed {there} keys of the previous release from {named}."
                    if there
                    else f"Nothing of the previous release is left in {named}."
                )

    run(finish_it())


@app.command()
def status() -> None:
    """Print the revision of each database. Exit code 1 if one isn't the newest."""

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
    """Delete the embedded server's data, and its keys. Asks first.

    The next start loads the demo again. A database of your own, and other files in the data folder, stay as they are.
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
    """Print the administrator's connection URL, for psql and other programs.

    The embedded server runs only while something uses it: keep 'erpgraph serve' running meanwhile.
    """

    async def look() -> str:
        async with open_database(settings.load()) as target:
            return target.admin

    typer.echo(run(look()))


@app.command()
def sweep() -> None:
    """Do the upkeep once. A running 'erpgraph worker' does it regularly.

    It releases expired holds, deletes idempotency keys that are older than 48 hours and entries of the feed that are older than
    ERPGRAPH_FEED_DAYS days, computes the sums that are kept for reports, and creates the coming months of partitioned ledgers.

    Without a worker run it once a day, or every few minutes where orders may wait for goods that baskets hold: goods of an
    expired hold are available at once, but orders that wait get them only with the next command about the product, or with this.
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
        say(f"Created {', '.join(made)}.")


@app.command()
def partition() -> None:
    """Partition the ledgers (events and stock moves) by month.

    For tables of many millions of rows. It works beside a running server, and creates the coming months; afterwards
    'erpgraph worker' or 'erpgraph db sweep' creates them. Only restoring a dump undoes it.
    """

    async def part() -> list[str]:
        from db.admin.partitions import partition as parted

        async with open_migrated(settings.load()) as target:
            return await parted(target)

    made = run(part())
    say(f"Created {', '.join(made)}." if made else "Everything is there already.")


@app.command()
def distribute() -> None:
    """Distribute the tables over the servers of a Citus cluster, by tenant.

    Run it again after each 'erpgraph db upgrade', for new tables: those that are distributed already stay as they are. The
    database must be on the coordinator and have the extension.
    """

    async def spread() -> list[str]:
        from db.admin.distribute import distribute as distributed

        chosen = settings.load()
        async with open_database(chosen) as target:
            return await distributed(target)

    tables = run(spread())
    say(f"Distributed {len(tables)} tables: {', '.join(tables)}." if tables else "All tables are distributed already.")


@app.command()
def dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write. It must not exist yet.")],
    programs: Programs = None,
) -> None:
    """Write all rows of all tenants to FILE, and a summary to FILE.manifest.json.

    It works beside a running server. It reads as the role erpgraph_backup, which sees every row, counts the rows that it wrote,
    and leaves no file if one is missing. FILE is an archive for pg_restore. Only you may read it: it has all tenants' data and
    the hashes of keys.
    """

    async def write() -> None:
        from db.admin.dump import dump as dumped

        async with open_database(settings.load()) as target:
            made = await dumped(target, file, __version__, programs)
        say(f"Dumped {made.rows:,} rows of {len(made.tables)} tables at revision {made.revision} to {file}.")

    run(write())


@app.command()
def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of 'erpgraph db dump', with its manifest beside it.")
    ],
    programs: Programs = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Also migrate the restored tables, if an older release dumped them.")
    ] = False,
) -> None:
    """Restore a dump into a new, empty database, and check it.

    All of it is restored, or nothing. Rows are counted, followers of the feed are notified (as by 'erpgraph feed restored'), and
    the books are checked (as by 'erpgraph stock verify'): exit code 1 if they have differences, which are in the dump then.
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
