"""``erpgraph key``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from app import settings
from app.cli.support import run, say, table
from app.place import migrated
from services import keys, tenants

app = typer.Typer(no_args_is_help=True, help="API keys: each belongs to one tenant, and decides which one it is.")

Tenant = Annotated[str, typer.Option(help="The tenant's name.")]


@app.command()
def create(
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What the key is for: people tell keys apart by it.")] = "cli",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="How many days it lasts. [default: for ever]")
    ] = None,
) -> None:
    """Make a key and print it, alone, on standard output. It is shown this once: only its hash is stored."""

    async def make() -> None:
        expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
        async with migrated(settings.load()) as target:
            typer.echo(await keys.create(target, await tenants.find(target, tenant), name, expires_at=expires))
        say("Send it as the header 'Authorization: Bearer KEY'. It can't be shown again.")

    run(make())


@app.command("list")
def every(tenant: Tenant) -> None:
    """List a tenant's keys, revoked ones too; the keys themselves are stored nowhere."""

    async def show() -> None:
        async with migrated(settings.load()) as target:
            found = await keys.every(target, await tenants.find(target, tenant))
        now = datetime.now(UTC)
        rows = [(key.name, f"…{key.hint}", key.state(now), f"{key.created_at:%Y-%m-%d}", str(key.id)) for key in found]
        table(("NAME", "KEY", "STATE", "CREATED", "ID"), rows)

    run(show())


@app.command()
def revoke(tenant: Tenant, key: Annotated[UUID, typer.Argument(help="The key's ID, as listed.")]) -> None:
    """End a key, at once and for good."""

    async def end() -> None:
        async with migrated(settings.load()) as target:
            await keys.revoke(target, await tenants.find(target, tenant), key)
        say("The key is revoked.")

    run(end())
