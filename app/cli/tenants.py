"""``erpgraph tenant``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import run, say, table
from app.database import open_migrated
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
        rows = [(row.name, row.currency, row.timezone, f"{row.created_at:%Y-%m-%d}", str(row.id)) for row in found]
        table(("NAME", "CURRENCY", "TIMEZONE", "CREATED", "ID"), rows)

    run(show())
