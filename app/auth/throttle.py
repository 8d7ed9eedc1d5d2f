"""A bound on wrong keys and tokens for each address of clients, so that guessing is slow and costs little."""

from collections import Counter
from ipaddress import IPv6Address, ip_address
from time import time

from app.errors.http_errors import Throttled

WINDOW = 60
"""Seconds that are counted together."""

MAX_ADDRESSES = 10_000


class FailedAttempts:
    """Counts them, in this process, by the minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = 0
        self._failed: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raises ``Throttled`` for an address with too many failures in this minute."""
        if self._failed and self._counted()[source(address)] >= self._limit:
            message = "Too many wrong keys came from this address. Try again in a minute."
            raise Throttled(message, WINDOW - int(time()) % WINDOW)

    def failed(self, address: str) -> bool:
        """Count a failure; tells whether it was the last that the address may make."""
        counted = self._counted()
        if len(counted) >= MAX_ADDRESSES:
            counted.clear()
        counted[source(address)] += 1
        return counted[source(address)] == self._limit

    def _counted(self) -> Counter[str]:
        window = int(time()) // WINDOW
        if window != self._window:
            self._window = window
            self._failed.clear()
        return self._failed


def source(address: str) -> str:
    """What is counted as one address: of IPv6 the network that one customer of a provider has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or f"{IPv6Address(int(parsed) >> 64 << 64)}/64")
    return address
