"""``erpgraph rollup``."""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import verifying
from app.cli.support import progress, say, table
from db.runtime.engine import Target

if TYPE_CHECKING:
    from services.sales.rollup_faults import Difference

DAY = ["%Y-%m-%d"]

app = typer.Typer(no_args_is_help=True, help="Rollups: check the sums that are kept for reports.")


@app.callback()
def group() -> None:
    """Keeps ``verify`` a command of its own, though it is the only one so far."""


@app.command()
def verify(
    tenant: verifying.OneTenant = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=DAY, metavar="DATE", help="Only days, months, quarters and years from this day on."),
    ] = None,
    through: Annotated[
        datetime | None, typer.Option(formats=DAY, metavar="DATE", help="Only those that end on this day or before.")
    ] = None,
) -> None:
    """Compute all sums again from orders and lines, and list the differences.

    At most 1,000 differences of a tenant are listed; exit code 1 if there are any. Days that have changed since their sums were
    computed are skipped: requests read those from the lines.

    It only reads, and works beside a running server. Ten million lines take some minutes, in one transaction: on a busy database
    check one year at a time.
    """
    days = (since.date() if since else date.min, through.date() if through else date.max)
    verifying.verify(tenant, partial(_compare, days=days))


async def _compare(target: Target, tenant: str, *, days: tuple[date, date]) -> int:
    """Print a tenant's differences; how many there are. Raises ``BadInput`` for an unknown name."""
    from services.platform import tenants
    from services.sales import rollup_faults

    found = await tenants.find(target, tenant)
    with progress() as show:
        spans, differences = await rollup_faults.verify(target, found, show, since=days[0], through=days[1])
    count = len(differences)
    most = " or more" if count == rollup_faults.MOST else ""
    say(f"{tenant}: {count or 'no'}{most} difference{'' if count == 1 else 's'} in {spans:,} spans")
    if differences:
        header = ("BY", "FROM", "STATUS", "CURRENCY", "UNIT", "SKU", "CUSTOMER", "SUM", "EXPECTED", "ACTUAL")
        table(header, [_cells(each) for each in differences])
    return count


def _cells(each: "Difference") -> tuple[str, ...]:
    from core.money import decimal_text

    amounts = (decimal_text(each.expected), decimal_text(each.actual))
    named = (each.kind.lower(), f"{each.starts_at:%Y-%m-%d %H:%M} UTC", each.status, each.currency, each.unit)
    return (*named, each.sku or "", each.customer or "", each.name, *amounts)
