"""``erpgraph worker``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import narrator, run


def worker(
    relay: Annotated[
        list[str] | None,
        typer.Option(help="A broker to send what happens to, such as nats://127.0.0.1:4222. [default: ERPGRAPH_RELAY]"),
    ] = None,
) -> None:
    """Do the upkeep, again and again, send webhooks, and events to brokers, until Ctrl-C or SIGTERM.

    Holds whose time is over are let go of within five minutes, for orders that wait; idempotency keys and the oldest of the feed
    are deleted each hour: what 'erpgraph db sweep' does once. What happens is sent to webhooks where ERPGRAPH_WEBHOOK_KEYS is set
    as the servers have it, and to the brokers
    of ERPGRAPH_RELAY. Any number of workers may run, on any hosts. It needs the administrator's URL, as
    'erpgraph db upgrade' does, and ERPGRAPH_APP_DATABASE_URL where the servers have it.
    """
    from app.worker import run as work

    chosen = settings.load(relay=tuple(relay) if relay else None)
    narrator(chosen.log_format)("The worker works. Ctrl-C stops it.")
    run(work(chosen))
