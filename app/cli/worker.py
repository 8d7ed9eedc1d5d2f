"""``erpgraph worker``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import narrator, run


def worker(
    relay: Annotated[
        list[str] | None,
        typer.Option(
            help="A broker to publish events to, such as nats://127.0.0.1:4222; may be given several times. [default: ERPGRAPH_RELAY]"
        ),
    ] = None,
) -> None:
    """Do the upkeep, send webhooks, and publish events to brokers, until Ctrl-C or SIGTERM.

    The upkeep is what 'erpgraph db sweep' does once: expired holds are released every five minutes, for orders that wait; old
    idempotency keys and the oldest of the feed are deleted each hour.

    Webhooks are sent where ERPGRAPH_WEBHOOK_KEYS has the servers' value, and events are published to the brokers of ERPGRAPH_RELAY.

    Any number of workers may run, on any hosts. A worker needs the administrator's URL in ERPGRAPH_DATABASE_URL, as
    'erpgraph db upgrade' does, and ERPGRAPH_APP_DATABASE_URL where the servers have it.
    """
    from app.leaving import LEAVING
    from app.worker import run as work

    chosen = settings.load(relay=tuple(relay) if relay else None)
    narrator(chosen.log_format)("The worker is running. Ctrl-C stops it.")
    with LEAVING.bounded():
        run(work(chosen))
