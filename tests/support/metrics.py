"""Reading ``/metrics``, as Prometheus does."""

import asyncio
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.support.patience import PATIENCE

Samples = Mapping[tuple[str, tuple[str, ...]], float]


def free_ports(count: int = 1) -> int:
    """A port that nobody has, followed by as many as are asked for: below those that the system gives to connections."""
    for first in range(20_000 + os.getpid() % 5_000 * 2, 32_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise OSError("no port is free")


def scraped(port: int) -> str:
    """All figures, as they are shown."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


async def shown(port: int) -> str:
    """The same, once somebody listens there; ``TimeoutError`` after 30 seconds without."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await asyncio.to_thread(scraped, port)
            except (urllib.error.URLError, ConnectionError):
                await asyncio.sleep(0.05)


def samples(text: str) -> Samples:
    """The values of all series that are ours, by name and the values of their labels, in the order of the labels' names."""
    return {
        (each.name.removeprefix("erpgraph_"), tuple(each.labels.values())): each.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("erpgraph_")
        for each in family.samples
    }
