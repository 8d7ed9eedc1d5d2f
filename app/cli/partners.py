"""``erpgraph partner``."""

from typing import Annotated

import typer

from app import settings
from app.cli.keys import Tenant
from app.cli.support import run, say
from app.database import open_home
from services.platform import forgetting

app = typer.Typer(no_args_is_help=True, help="Business partners: what only an operator may do.")


@app.callback()
def options() -> None:
    """A group of commands, though it has one."""


@app.command()
def erase(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The partner's code, or a former one.")],
    tenant: Tenant,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Erase a partner's personal data, for good. Asks first.

    Names, e-mail and postal addresses, notes and texts are replaced by a marker, in orders and events too. Orders, amounts and
    stock stay as they were. The partner's keys are revoked. Exports and backups keep what they have.
    """

    async def forget() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            if not yes:
                typer.confirm(f"Erase what is known of {code}, for good?", abort=True, err=True)
            changed = await forgetting.erase(target, owner, code)
        listed = ", ".join(f"{count:,} of {table}" for table, count in changed.items())
        say(f"Erased. Rows that were changed: {listed or 'none'}.")

    run(forget())
