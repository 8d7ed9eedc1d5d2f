"""``erpgraph feed``."""

from typing import Annotated

import typer

from app import settings
from app.cli.keys import Tenant
from app.cli.support import run, say
from app.database import open_every, open_home, reach, require_head
from app.databases import MAIN
from db.runtime.engine import Target

app = typer.Typer(no_args_is_help=True, help="The feed: notify those that follow it of what they can't know.")


@app.command()
def restored(
    database: Annotated[
        str, typer.Option(help="The one that was restored: one of ERPGRAPH_DATABASES, or main.")
    ] = MAIN,
) -> None:
    """Tell all that follow a database that it was restored to an older state: after a recovery to a point in time, and a failover that
    lost something, before the server starts. 'erpgraph db restore' does it by itself.

    Subscribers, webhooks and brokers get the event feed.restored: what they were told since isn't there any more. Exit code 1 where a tenant is
    frozen, whose followers aren't notified.
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
        list[str] | None, typer.Argument(help="Kinds of records, such as PRODUCT. Left out: all of them.")
    ] = None,
) -> None:
    """Tell those that keep a copy of a tenant to read these kinds of records again: after rows were changed by SQL, past the graph."""

    async def report() -> list[str]:
        from services.platform import feeds

        async with open_home(settings.load(), tenant) as (target, identity):
            return await feeds.reload(target, identity, kinds or ())

    say(f"Those that follow {tenant} are told to read again: {', '.join(run(report()))}.")


async def report_restored(target: Target) -> bool:
    """Tell all that follow this database that it was restored; whether all tenants' followers are told."""
    from services.platform import feeds

    done = await feeds.restored(target)
    say(f"The feeds of {done.tenants} tenant{'' if done.tenants == 1 else 's'} report that the database was restored.")
    if done.frozen:
        say(
            f"Frozen, and not notified: {', '.join(done.frozen)}. Unfreeze them, and run 'erpgraph feed restored' again."
        )
    return not done.frozen
