"""The demo that a siege is about, in an embedded PostgreSQL of its own: commands of a siege change it."""

import asyncio
import contextlib
from collections.abc import Iterator

from app.database import upgrade
from app.settings import CHECKOUT, load
from db.admin import embedded
from db.runtime.engine import Target
from services import demo


@contextlib.contextmanager
def ground(*, small: bool = False) -> Iterator[Target]:
    """A database with the medium (or the small) demo, kept from one siege to the next."""
    settings = load(data_dir=CHECKOUT / ".data" / ("siege-small" if small else "siege"), database_url="")
    server = embedded.start(settings.data_dir)
    try:
        asyncio.run(embedded.ensure_database(server))
        asyncio.run(upgrade(settings, server.target))
        if asyncio.run(demo.is_empty(server.target)):
            size = demo.Size.SMALL if small else demo.Size.MEDIUM
            print(f"Loading the {size} demo", flush=True)
            asyncio.run(demo.load(server.target, size))
        yield server.target
    finally:
        server.stop()
