"""``erpgraph partner``."""

from typing import Annotated

import typer

from app import settings
from app.cli.keys import Tenant
from app.cli.support import run, say
from app.database import open_home
from services.platform import forgetting

app = typer.Typer(no_args_is_help=True, help="Business partners, where it takes an operator.")


@app.callback()
def options() -> None:
    """A group of commands, though it has one."""


@app.command()
def erase(
    code: Annotated[str, typer.Argument(help="The partner's code, or one that it had.")],
    tenant: Tenant,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Replace what the data say of a person by a marker, for good: names, e-mail and postal addresses, notes and texts, in orders and
    events too. Asks first.

    Orders, amounts and stock stay as they were. The partner's keys end. Exports and backups keep what they have.
    """

    async def forget() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            if not yes:
                typer.confirm(f"Erase what is known of {code}, for good?", abort=True, err=True)
            changed = await forgetting.erase(target, owner, code)
        listed = ", ".join(f"{count:,} of {table}" for table, count in changed.items())
        say(f"Erased. Rows that were changed: {listed or 'none'}.")

    run(forget())
