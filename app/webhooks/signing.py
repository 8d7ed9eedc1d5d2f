"""Signatures by standardwebhooks.com, and the secrets that they are made with: worked out, and stored nowhere."""

import base64
import hmac
from collections.abc import Iterable, Sequence
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Signer:
    """Signs with secrets that are derived from the site's keys, a webhook's id and a version: a dump of the database has none."""

    def __init__(self, keys: Sequence[str]) -> None:
        """The first key makes new secrets; deliveries are signed by the others, too, so that a key can be replaced."""
        self._keys = [key.encode() for key in keys]

    def secret(self, webhook: UUID, version: int) -> str:
        """What a receiver checks symmetric signatures with."""
        return f"whsec_{_text(_derived(self._keys[0], 'v1', webhook, version))}"

    def public_key(self, webhook: UUID, version: int) -> str:
        """What a receiver checks asymmetric signatures with."""
        return f"whpk_{_text(_private(self._keys[0], webhook, version).public_key().public_bytes_raw())}"

    def signatures(self, webhook: UUID, versions: Iterable[int], message: str, timestamp: int, body: bytes) -> str:
        """The header ``webhook-signature``, by each key of the site and these versions of the secret."""
        content = b"%b.%d.%b" % (message.encode(), timestamp, body)
        found = []
        for version in versions:
            for key in self._keys:
                found.append(symmetric(_derived(key, "v1", webhook, version), content))
                found.append(f"v1a,{_text(_private(key, webhook, version).sign(content))}")
        return " ".join(found)


def symmetric(secret: bytes, content: bytes) -> str:
    """The symmetric signature of a delivery's id, timestamp and body, as the specification has it."""
    return f"v1,{_text(hmac.digest(secret, content, 'sha256'))}"


def _derived(key: bytes, use: str, webhook: UUID, version: int) -> bytes:
    info = f"erpgraph webhook {use} {webhook} {version}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def _private(key: bytes, webhook: UUID, version: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derived(key, "v1a", webhook, version))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
