"""``erpgraph feed``."""

from typing import Annotated

import typer

from app import settings
from app.cli.keys import Tenant
from app.cli.support import run, say
from app.database import open_every, open_home, reach, require_head
from app.databases import MAIN
from db.runtime.engine import Target

app = typer.Typer(
    no_args_is_help=True, help="The feed of changes: notify its followers of a restore, or of changes by SQL."
)


@app.command()
def restored(
    database: Annotated[
        str, typer.Option(help="The database that was restored: one of ERPGRAPH_DATABASES, or main.")
    ] = MAIN,
) -> None:
    """Notify all followers of a database that it was restored to an older state.

    Run it before the server starts, after a recovery to a point in time or a failover that lost something.
    'erpgraph db restore' does it by itself.

    Subscribers, webhooks and brokers get the event feed.restored: what they received after that state no longer exists.
    Followers of frozen tenants aren't notified; exit code 1 if there are any.
    """

    async def report() -> bool:
        async with open_every(settings.load()) as targets:
            target = await reach(database, targets)
            await require_head(target)
            return await report_restored(target)

    if not run(report()):
        raise typer.Exit(1)


@app.command()
def reload(
    tenant: Tenant,
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="KIND", help="Kinds of records, such as PRODUCT. [default: all]")
    ] = None,
) -> None:
    """Notify clients that keep a copy of a tenant's records to read them again, after rows were changed by SQL."""

    async def report() -> list[str]:
        from services.platform import feeds

        async with open_home(settings.load(), tenant) as (target, identity):
            return await feeds.reload(target, identity, kinds or ())

    say(f"Followers of {tenant} are notified to read again: {', '.join(run(report()))}.")


async def report_restored(target: Target) -> bool:
    """Notify all followers of this database that it was restored; whether those of all tenants were notified."""
    from services.platform import feeds

    done = await feeds.restored(target)
    say(f"The feeds of {done.tenants} tenant{'' if done.tenants == 1 else 's'} report that the database was restored.")
    if done.frozen:
        say(
            f"Frozen, and not notified: {', '.join(done.frozen)}. Unfreeze them, and run 'erpgraph feed restored' again."
        )
    return not done.frozen
