"""Where deliveries may go: an address that the whole internet can reach, or one of a network that the operator names.

People of a tenant choose the addresses, and the server stands inside: without this it would fetch for them what only it can reach.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from core.errors import BadInput

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

PORTS = (443, 8443)

CONNECT_WITHIN = 3.0
"""Seconds in which a name must be resolved, and a connection made."""

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


class NotAllowed(httpcore.ConnectError):
    """The address is none that may be sent to."""


def check_url(url: str, networks: Sequence[Network]) -> None:
    """Raises ``BadInput`` for an address that can't be allowed, whatever its name leads to. With ``networks`` of the operator's
    own, plain http and other ports are for these.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        host = parts.hostname or ""
        host.encode("ascii")
    except (ValueError, UnicodeError):
        raise BadInput("This is not an address such as https://shop.example/erp.") from None
    if parts.scheme not in ({"https", "http"} if networks else {"https"}) or not host:
        raise BadInput("This is not an address that begins with https://.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadInput("An address of a webhook has no user, no password and no fragment.")
    if any(character <= " " or character == "\x7f" for character in url):
        raise BadInput("This address has blanks in it.")
    if port not in PORTS and not networks:
        raise BadInput("An address of a webhook has the port 443 or 8443.")
    literal = _literal(host)
    if literal is not None and not is_allowed(literal, networks, own=parts.scheme == "http" or port not in PORTS):
        raise BadInput("This address isn't one that the whole internet can reach.")


def is_allowed(address: Address, networks: Iterable[Network], *, own: bool = False) -> bool:
    """Whether something may be sent there: to the operator's own ``networks``, and, unless it is for those alone, to whatever is
    global. An address within another one (mapped, 6to4, Teredo, NAT64) counts as that.
    """
    inner = _inner(address)
    if any(each.version == network.version and each in network for network in networks for each in (address, *inner)):
        return True
    return not own and all(
        each.is_global and not each.is_multicast and not each.is_reserved and not getattr(each, "is_site_local", False)
        for each in inner or (address,)
    )


def _inner(address: Address) -> list[Address]:
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the address that was checked, and to no other: a name that leads elsewhere the second time is asked once.
    ``own``: to the operator's networks alone.
    """

    def __init__(self, networks: Sequence[Network], *, own: bool) -> None:
        self._networks, self._own = networks, own
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises ``NotAllowed`` where one of the name's addresses isn't, and what httpcore raises."""
        found = await self._resolve(host, port)
        own = self._own or port not in PORTS
        if not all(is_allowed(each, self._networks, own=own) for each in found):
            raise NotAllowed("The address isn't one that the whole internet can reach.")
        within = min(timeout or CONNECT_WITHIN, CONNECT_WITHIN)
        return await self._inner.connect_tcp(str(found[0]), port, within, local_address, socket_options)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (TimeoutError, OSError, UnicodeError):
            raise httpcore.ConnectError("The name isn't known.") from None
        found = [ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
        # Those of version 4 first: hosts without a way by version 6 are more than those without one by version 4.
        found.sort(key=lambda each: each.version)
        if not found:
            raise httpcore.ConnectError("The name isn't known.")
        return found

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise NotAllowed("Sockets in the file system are nobody's webhooks.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
