"""One request to a receiver, bounded in every way, and what came of it."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import httpcore

from app import __version__
from app.webhooks.addresses import Network, NotAllowed, Pinned

WITHIN = 15.0
"""Seconds that a request may take in all."""

READ = 65_536
"""Bytes of an answer that are read, and thrown away."""

AT_ONCE = 64
"""Requests of a process at a time."""

KEPT_OPEN = 5.0
"""Seconds for which a connection is kept for the next delivery."""

MOST_WAIT = 86_400
"""Seconds that a receiver may ask for."""

PATIENT = frozenset({429, 502, 503, 504})
"""Statuses whose Retry-After is kept to."""

GONE = 410


class Answer(NamedTuple):
    """What came of a request. ``failure`` is for people, and None where it was taken. ``forbidden``: the address may not be sent to."""

    status: int | None
    failure: str | None
    milliseconds: int | None
    wait: int = 0
    forbidden: bool = False


class Sender:
    """A process's way out: no proxies, no redirects, and no address that wasn't checked."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._pools: dict[bool, httpcore.AsyncConnectionPool] = {}
        self._networks = networks

    async def send(self, url: str, headers: dict[str, str], body: bytes, within: float = WITHIN) -> Answer:
        """Send this body once. Whatever goes wrong is in the answer."""
        began = perf_counter()
        status, wait, forbidden, failure = None, 0, False, None
        try:
            async with asyncio.timeout(within):
                status, wait = await self._request(url, headers, body)
        except TimeoutError:
            failure = f"There was no answer within {within:.0f} seconds."
        except NotAllowed as error:
            forbidden, failure = True, str(error)
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            ssl.SSLError,
            OSError,
        ) as error:
            failure = _words(error)
        milliseconds = round((perf_counter() - began) * 1000)
        if status is not None and not 200 <= status <= 299:
            failure = f"The receiver answered with the status {status}."
        return Answer(status, failure, None if status is None else milliseconds, wait, forbidden)

    async def _request(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, int]:
        given = {"user-agent": f"erpgraph/{__version__}", "content-type": "application/json", "accept": "*/*"} | headers
        pool = self._pool(own=url[:5].lower() == "http:")
        async with pool.stream("POST", url, headers=list(given.items()), content=body) as answer:
            size = 0
            async for chunk in answer.aiter_stream():
                size += len(chunk)
                if size > READ:
                    break
            wait = 0
            if answer.status in PATIENT:
                header = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
                wait = min(MOST_WAIT, int(header)) if re.fullmatch(rb"[0-9]{1,9}", header) else 0
            return answer.status, wait

    def _pool(self, *, own: bool) -> httpcore.AsyncConnectionPool:
        if own not in self._pools:
            self._pools[own] = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=AT_ONCE,
                keepalive_expiry=KEPT_OPEN,
                network_backend=Pinned(self._networks, own=own),
            )
        return self._pools[own]

    async def close(self) -> None:
        for each in self._pools.values():
            with contextlib.suppress(Exception):
                await each.aclose()


def _words(error: Exception) -> str:
    """What went wrong, without anything that the receiver said."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "Its certificate isn't valid."
        if isinstance(cause, ssl.SSLError):
            return "TLS failed."
        if isinstance(cause, ConnectionRefusedError):
            return "The connection was refused."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError) and str(error) == "The name isn't known.":
        return str(error)
    return "There was no answer." if isinstance(error, httpcore.TimeoutException) else "The connection was lost."
