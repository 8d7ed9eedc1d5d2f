"""``erpgraph stock``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import run, say, table
from app.database import open_migrated

app = typer.Typer(no_args_is_help=True, help="Stock: check that the books match what happened.")


@app.callback()
def group() -> None:
    """Keeps ``verify`` a command of its own, though it is the only one so far."""


@app.command()
def verify(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant. Left out: all tenants.")] = None,
) -> None:
    """Recompute balances, reservations and orders' progress from moves and orders, and list every difference.

    Exit code 1 if there is any. It only reads, and works beside a running server.
    """

    async def compare() -> int:
        from core.money import decimal_text
        from services.platform import tenants
        from services.verify import verify as compared

        found = 0
        async with open_migrated(settings.load()) as target:
            every = {each.name: each.id for each in await tenants.every(target)}
            wanted = every if tenant is None else {tenant: await tenants.find(target, tenant)}
            for name, identity in wanted.items():
                differences = await compared(target, identity)
                found += len(differences)
                rows = [
                    tuple(
                        "" if cell is None else str(cell)
                        for cell in (
                            each.sku,
                            each.location,
                            each.order,
                            each.position,
                            None if each.expected is None else decimal_text(each.expected),
                            None if each.actual is None else decimal_text(each.actual),
                            each.rule,
                        )
                    )
                    for each in differences
                ]
                say(f"{name}: {len(rows) or 'no'} difference{'' if len(rows) == 1 else 's'}")
                if rows:
                    table(("SKU", "LOCATION", "ORDER", "LINE", "EXPECTED", "ACTUAL", "RULE"), rows)
        return found

    if run(compare()):
        raise typer.Exit(1)
