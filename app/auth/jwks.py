"""The keys that an issuer signs its tokens with: a JWK set from an address or a file, kept, and looked at again."""

import asyncio
import ssl
import warnings
from collections.abc import Mapping
from functools import cached_property
from ipaddress import ip_address
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from core.errors import BadInput, Unavailable

log = structlog.get_logger()

FETCH_EVERY = 10.0
"""Seconds in which two fetches are made for the sake of unknown keys: whoever makes names up makes no more than that."""

TIMEOUT = 5.0
MAX_BYTES = 262_144
MAX_KEYS = 100

UNREADABLE = (OSError, ValueError, ssl.SSLError, httpx.HTTPError, httpx.InvalidURL)
"""What keeps the keys from being read."""

_TYPES: Mapping[object, type[Key]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
"""Kinds of public keys. A set's secret ones ("oct") are left out: whoever checks with one could also sign."""


class IssuerKeys:
    """The keys by their names (``kid``). Those that are known stay when the place can't be read."""

    def __init__(self, place: str, refresh: float) -> None:
        """Raises ``BadInput`` for a place that isn't safe or isn't there. ``refresh``: seconds until it is read again."""
        self._place = _checked(place)
        self._refresh = refresh
        self._keys: dict[str, Key] = {}
        self._began = float("-inf")
        self._failed = True
        self._spare = True
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, name: str | None) -> Key | None:
        """The key of that name; of a set of one, without a name, that one.

        Raises ``Unavailable`` for an unknown one while the place can't be read, or was read a moment ago: it may be a
        new key. A rotation that somebody's made-up name came before had good tokens refused for ten seconds.
        """
        key = self.known(name)
        if key is not None:
            return key
        self._check_pause()
        await asyncio.shield(self._fetch())
        key = self._chosen(name)
        if key is None and self._failed:
            raise Unavailable("The keys that tokens are signed with can't be had. Try again in a moment.")
        return key

    def known(self, name: str | None) -> Key | None:
        """The key of that name, as far as it is known without waiting."""
        if self._keys and monotonic() - self._began >= self._refresh:
            self._fetch()  # beside this request, which needn't wait for it
        return self._chosen(name)

    async def fetched(self) -> dict[str, Key]:
        """The keys that are there now. Raises one of ``UNREADABLE``."""
        return read(await self._content())

    def _check_pause(self) -> None:
        """Raises ``Unavailable`` while no fetch may begin: one may at any time, and a second within the pause."""
        wait = self._began + FETCH_EVERY - monotonic()
        if self._fetching is not None:
            return
        if wait <= 0:
            self._spare = True
        elif self._spare and not self._failed:
            self._spare = False
        else:
            error = Unavailable("The key that this token is signed with isn't known yet. Try again in a moment.")
            error.seconds = ceil(wait)
            raise error

    def _chosen(self, name: str | None) -> Key | None:
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name)

    def _fetch(self) -> asyncio.Task[None]:
        """One fetch for all that wait for one."""
        if self._fetching is None:
            self._began = monotonic()
            self._fetching = asyncio.create_task(self._replace())
        return self._fetching

    async def _replace(self) -> None:
        try:
            self._keys = await self.fetched()
            self._failed = False
        except UNREADABLE as error:
            self._failed = True
            log.warning("token keys not read", reason=f"{type(error).__name__}: {error}", known=len(self._keys))
        finally:
            self._fetching = None

    async def _content(self) -> bytes:
        if isinstance(self._place, Path):
            return await asyncio.to_thread(self._place.read_bytes)
        # Redirects aren't followed: where the keys are is for the operator to say, and for nobody else.
        async with (
            asyncio.timeout(TIMEOUT),
            httpx.AsyncClient(timeout=TIMEOUT, verify=self._trusted) as client,
            client.stream("GET", self._place, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"the address answers with status {answer.status_code}")
            content = b""
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES} bytes")
            return content

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # 20 ms, once


def _checked(place: str) -> str | Path:
    """A file that is there, or an address that nobody on the way can answer for."""
    if "://" not in place:
        path = Path(place)
        if not path.is_file():
            raise BadInput(f"ERPGRAPH_TOKEN_KEYS is not usable: there is no file {place}.")
        return path
    parts = urlsplit(place)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
        raise BadInput("ERPGRAPH_TOKEN_KEYS is not usable: give a file, or an address that begins with https://.")
    return place


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read(content: bytes) -> dict[str, Key]:
    """The keys of a JWK set that signatures can be checked with. Raises ``ValueError`` where it has none."""
    found = orjson.loads(content)
    listed = found.get("keys") if isinstance(found, dict) else None
    usable = [key for each in (listed if isinstance(listed, list) else [])[:MAX_KEYS] if (key := _read_one(each))]
    if not usable:
        raise ValueError("no JWK set with a usable key")
    return {key.kid or key.thumbprint(): key for key in usable}


def _read_one(data: Any) -> Key | None:
    """A key, or None: one that is odd, weak or for another use must not take the others along."""
    kind = _TYPES.get(data.get("kty")) if isinstance(data, dict) and isinstance(data.get("kty"), str) else None
    if kind is None or data.get("use", "sig") != "sig":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            return kind.import_key(data)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError, AttributeError):
        return None
