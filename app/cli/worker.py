"""``erpgraph worker``."""

from app import settings
from app.cli.support import run, say


def worker() -> None:
    """Do the upkeep, again and again, until Ctrl-C or SIGTERM: what 'erpgraph db sweep' does once.

    Holds whose time is over are let go of within five minutes, for orders that wait; idempotency keys and the oldest of the feed
    are deleted each hour. Any number of workers may run, on any hosts: one of them works, and the next goes on where it ends. It
    needs the administrator's URL, as 'erpgraph db upgrade' does.
    """
    from app.upkeep import run as work

    say("The worker works. Ctrl-C stops it.")
    run(work(settings.load()))
