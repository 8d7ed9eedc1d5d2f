"""Reading ``/metrics``, as Prometheus does."""

import asyncio
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, tuple[str, ...]], float]


def free_ports(count: int = 1) -> int:
    """A port that nobody has, followed by as many as are asked for."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            first = int(listener.getsockname()[1])
            try:
                for port in range(first + 1, first + count):
                    socket.create_server(("127.0.0.1", port)).close()
            except (OSError, OverflowError):
                continue
        return first


def scraped(port: int) -> str:
    """All figures, as they are shown."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


async def shown(port: int) -> str:
    """The same, once somebody listens there; ``TimeoutError`` after 20 seconds without."""
    async with asyncio.timeout(20):
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
