"""``erpgraph demo``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import progress, run, say
from app.database import open_migrated
from services import demo as engine


def demo(
    size: Annotated[
        engine.Size, typer.Option(help="medium: 2,000 products, 20,000 orders; large: ten times that.")
    ] = engine.Size.SMALL,
) -> None:
    """Load demo data: two tenants with products, partners, stock and orders.

    The same size gives the same data, byte for byte. Tenants with these names must not exist yet.
    """

    async def load() -> None:
        with progress() as report:
            async with open_migrated(settings.load()) as target:
                summary = await engine.load(target, size, report)
        rows = ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in summary.rows.items())
        say(f"Loaded {' and '.join(summary.tenants)}: {rows}.")

    run(load())
