"""``erpgraph key``."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from app import settings
from app.cli.support import run, say, table
from app.database import open_home
from core.modules import PARTNER
from core.permissions import ROLES
from services.platform import keys

app = typer.Typer(
    no_args_is_help=True, help="API keys: each belongs to one tenant, and decides whose data a request sees."
)

Tenant = Annotated[str, typer.Option(help="The tenant's name.")]

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST = timedelta(days=36_500)


def span(text: str) -> timedelta:
    """A time such as 30m, 24h or 90d."""
    found = re.fullmatch(r"([0-9]{1,8})([mhd])", text, re.ASCII)
    if found is None or not timedelta(0) < (length := int(found[1]) * UNITS[found[2]]) <= LONGEST:
        raise typer.BadParameter("give minutes, hours or days, such as 30m, 24h or 90d")
    return length


@app.command()
def create(
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What the key is for; keys are listed by this name.")] = "cli",
    role: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A role of the key; may be given several times: {', '.join(ROLES)}. [default: viewer, or partner with --partner]"
        ),
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option(help="The code of the business partner that the key is for: it sees that partner's rows only."),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(parser=span, metavar="TIME", help="How long it is valid, such as 24h or 90d. [default: for ever]"),
    ] = None,
    trusted_only: Annotated[
        bool,
        typer.Option("--trusted-only", help="It may run the documents of ERPGRAPH_TRUSTED_DOCUMENTS, and no others."),
    ] = False,
) -> None:
    """Create a key and print it. It is shown only once: only its hash is stored.

    Standard output has the key and nothing else, for scripts.
    """
    roles = role or ["viewer" if partner is None else PARTNER]
    until = None if expires is None else datetime.now(UTC) + expires

    async def make() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            key = await keys.create(
                target, owner, name, roles=roles, partner=partner, expires_at=until, trusted_only=trusted_only
            )
            typer.echo(key)
        say(
            f"Its role: {', '.join(roles)}. Send it as the header 'Authorization: Bearer KEY'. It can't be shown again."
        )

    run(make())


@app.command()
def rotate(
    tenant: Tenant,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name, as 'erpgraph key list' shows it.")],
    overlap: Annotated[
        timedelta, typer.Option(parser=span, metavar="TIME", help="How long the old key stays valid: 30m, 24h, 7d.")
    ] = "24h",  # type: ignore[assignment] # typer parses the default as well
) -> None:
    """Create a new key with the roles and limits of an old one, and print it.

    The old one stays valid until the overlap is over, so that clients can change over without a gap.
    """

    async def turn() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            typer.echo(await keys.rotate(target, owner, name, overlap))
        say(f"The old key ends at {datetime.now(UTC) + overlap:%Y-%m-%d %H:%M} UTC. This one can't be shown again.")

    run(turn())


@app.command("list")
def every(tenant: Tenant) -> None:
    """List a tenant's keys, revoked ones too, without the keys themselves. Times are in UTC."""

    async def show() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            found = await keys.every(target, owner)
        now = datetime.now(UTC)
        header = ("NAME", "KEY", "STATE", "ROLES", "PARTNER", "CREATED", "EXPIRES", "LAST USED", "RUNS", "ID")
        table(header, [_row(key, now) for key in found])

    run(show())


def _row(key: keys.Key, now: datetime) -> tuple[str, ...]:
    times = (f"{time.astimezone(UTC):%Y-%m-%dT%H:%M}" if time else "-" for time in (key.expires_at, key.last_used_at))
    return (
        key.name,
        f"…{key.hint}",
        key.state(now),
        ",".join(key.roles) or "-",
        key.partner or "-",
        f"{key.created_at:%Y-%m-%d}",
        *times,
        "trusted" if key.trusted_only else "any",
        str(key.id),
    )


@app.command()
def revoke(
    tenant: Tenant,
    key: Annotated[UUID, typer.Argument(metavar="ID", help="The key's id, as 'erpgraph key list' shows it.")],
) -> None:
    """Revoke a key, at once and for good."""

    async def end() -> None:
        async with open_home(settings.load(), tenant) as (target, owner):
            await keys.revoke(target, owner, key)
        say("The key is revoked.")

    run(end())
