"""Brokers, each in a file of its own: how a message is handed over, so that it is known that the broker keeps it."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Protocol

from app.relay.messages import Message
from app.settings import BROKERS

WITHIN = 10.0
"""Seconds in which a broker must have answered: one that hangs is away."""


class Away(Exception):
    """The broker can't be reached, or doesn't keep what it is sent. The text says why, without a password."""


class Refused(Exception):
    """The broker is there, and doesn't take this message: its tenant's messages wait, and others' go on. The text says why."""


Broke = Callable[[str], None]
"""Called with the reason, maybe more than once."""


class Sink(Protocol):
    """A broker. Several processes may have one each."""

    name: str

    async def open(self, lost: Broke) -> None:
        """Connect. ``lost`` is called when that connection ends, where the client notices. Raises ``Away``."""

    async def send(self, message: Message) -> bool:
        """Hand a message over and wait until the broker keeps it; whether it was new to it, as far as it can tell. Raises
        ``Away`` and ``Refused``.
        """

    async def close(self) -> None:
        """Let go of it, whatever its state."""


def kinds(urls: Iterable[str]) -> dict[str, list[str]]:
    """The kinds of brokers with their URLs: those of one kind are the servers of one cluster."""
    servers: dict[str, list[str]] = {}
    for url in urls:
        servers.setdefault(BROKERS[url.partition(":")[0]][0], []).append(url)
    return servers


def made(urls: Iterable[str]) -> list[Sink]:
    """The sinks of these URLs."""
    found: list[Sink] = []
    for name, them in kinds(urls).items():
        make: Callable[[list[str]], Sink] = import_module(f"app.relay.sinks.{name}").SINK
        found.append(make(them))
    return found
