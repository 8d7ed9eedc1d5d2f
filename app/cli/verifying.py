"""What the commands ``verify`` share: each tenant is looked at where it lives, and differences are an exit code."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from app import settings
from app.cli.support import run
from app.database import open_every, open_home, reach, require_head
from app.databases import MAIN
from db.runtime.engine import Target

OneTenant = Annotated[str | None, typer.Option(help="Only this tenant. [default: all tenants]")]

Compare = Callable[[Target, str], Awaitable[int]]
"""Prints the differences of the tenant of that name; how many there are."""


def verify(tenant: str | None, compare: Compare) -> None:
    """Compare what one tenant has, or all, in whatever databases they live. Raises ``typer.Exit`` where anything differs."""
    if run(_found(tenant, compare)):
        raise typer.Exit(1)


async def _found(tenant: str | None, compare: Compare) -> int:
    from services.platform import tenants

    chosen = settings.load()
    if tenant is not None:
        async with open_home(chosen, tenant) as (target, _):
            return await compare(target, tenant)
    async with open_every(chosen) as targets:
        for target in targets.values():
            await require_head(target)
        found = 0
        for each in await tenants.every(targets[MAIN]):
            found += await compare(await reach(each.database or MAIN, targets), each.name)
        return found
