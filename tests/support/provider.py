"""An identity provider of the tests' own: keys, a JWK set, and tokens as good or as bad as a test wants them."""

import time
from functools import cache
from typing import Any

import orjson
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.types import Receive, Scope, Send

ISSUER = "https://id.example/"
AUDIENCE = "erpgraph"
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}


@cache
def made(kid: str, size: int = 2048) -> Key:
    """A key pair by its name: rsa…, ec…, ed…; the same for the whole run."""
    parameters: Any = {"kid": kid}
    if kid.startswith("rsa"):
        return RSAKey.generate_key(size, parameters)
    return (
        ECKey.generate_key("P-256", parameters) if kid.startswith("ec") else OKPKey.generate_key("Ed25519", parameters)
    )


def public(kid: str, **more: Any) -> dict[str, Any]:
    """The entry of a JWK set for a key."""
    return {**made(kid).as_dict(private=False), **more}


def jwk_set(*entries: Any) -> bytes:
    return orjson.dumps({"keys": list(entries)})


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token; a value of None leaves one out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now + 600, "tenant": "larkspur", "roles": ["viewer"]}
    return {name: value for name, value in (good | changed).items() if value is not None}


class _Anything(JWSRegistry):
    """Signs what no provider would."""

    def check_header(self, header: Any) -> None:
        pass

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


def signed(kid: str = "rsa", header: dict[str, Any] | None = None, payload: bytes | None = None, **changed: Any) -> str:
    """A token of the provider; ``header`` goes over what the header would say."""
    head = {"alg": ALGORITHMS[kid.rstrip("0123456789")], "kid": kid} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    return signed_with(made(kid), head, payload or orjson.dumps(claims(**changed)))


def signed_with(key: Key, head: dict[str, Any], payload: bytes) -> str:
    """A token signed with any key, by whatever the header says."""
    return jws.serialize_compact(head, payload, key, registry=_Anything())


class Address:
    """The address of a JWK set, as an ASGI application that counts. What it answers can be changed."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        headers = [(b"content-length", str(len(self.content)).encode()), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.content})
