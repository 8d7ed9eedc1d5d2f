"""``erpgraph db``."""

import typer

from app import settings
from app.cli.support import run, say
from app.database import open_database
from app.database import upgrade as bring
from db.admin import migrate

app = typer.Typer(no_args_is_help=True, help="The database: its tables and where it is.")


@app.command()
def upgrade() -> None:
    """Create the roles where they are missing, and migrate the tables to the newest revision."""

    async def migrate_it() -> None:
        chosen = settings.load()
        async with open_database(chosen) as target:
            before = await migrate.current(target)
            await bring(chosen, target)
        say(f"The database is at {migrate.head()} (it was {'empty' if before is None else f'at {before}'}).")

    run(migrate_it())


@app.command()
def status() -> None:
    """Print the database's revision. Exit code 1 if it isn't the newest one."""

    async def tell() -> str | None:
        async with open_database(settings.load()) as target:
            return await migrate.current(target)

    current = run(tell())
    typer.echo(f"{current or 'empty'} ({'current' if current == migrate.head() else f'newest: {migrate.head()}'})")
    if current != migrate.head():
        raise typer.Exit(1)


@app.command()
def url() -> None:
    """Print the administrator's connection URL, for psql and the like.

    The embedded server runs only while something uses it: keep 'erpgraph serve' running meanwhile.
    """

    async def tell() -> str:
        async with open_database(settings.load()) as target:
            return target.admin

    typer.echo(run(tell()))
