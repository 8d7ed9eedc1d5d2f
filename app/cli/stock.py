"""``erpgraph stock``."""

from typing import TYPE_CHECKING

import typer

from app.cli import verifying
from app.cli.support import say, table
from db.runtime.engine import Target

if TYPE_CHECKING:
    from services.verify import Difference

app = typer.Typer(no_args_is_help=True, help="Stock: check that the books match what happened.")


@app.callback()
def group() -> None:
    """Keeps ``verify`` a command of its own, though it is the only one so far."""


@app.command()
def verify(tenant: verifying.OneTenant = None) -> None:
    """Recompute balances, reservations and orders' progress from moves and orders, and list every difference.

    Exit code 1 if there are any. It only reads, and works beside a running server.
    """
    verifying.verify(tenant, compare)


async def compare(target: Target, tenant: str | None = None) -> int:
    """Print the differences of one tenant, or of all; how many there are. Raises ``BadInput`` for an unknown name."""
    from services.platform import tenants
    from services.verify import verify as compared

    found = 0
    every = {each.name: each.id for each in await tenants.every(target)}
    wanted = every if tenant is None else {tenant: await tenants.find(target, tenant)}
    for name, identity in wanted.items():
        differences = await compared(target, identity)
        found += len(differences)
        say(f"{name}: {len(differences) or 'no'} difference{'' if len(differences) == 1 else 's'}")
        if differences:
            header = ("SKU", "LOCATION", "ORDER", "LINE", "EXPECTED", "ACTUAL", "RULE")
            table(header, [_cells(each) for each in differences])
    return found


def _cells(each: "Difference") -> tuple[str, ...]:
    from core.money import decimal_text

    amounts = (None if amount is None else decimal_text(amount) for amount in (each.expected, each.actual))
    cells = (each.sku, each.location, each.order, each.position, *amounts, each.rule)
    return tuple("" if cell is None else str(cell) for cell in cells)
