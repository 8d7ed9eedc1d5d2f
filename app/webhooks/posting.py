"""What requests need of webhooks: whether an address and a document may be used, secrets, and a test."""

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson

from app.settings import Settings
from app.webhooks import addresses
from app.webhooks.reading import Hook, Reading
from app.webhooks.sending import Sender
from app.webhooks.signing import Signer
from core.ids import encode
from core.moments import write
from db.runtime.engine import Database
from services.webhooks import storing
from services.webhooks.turns import Lease

KEY_FILE = "development-webhook-key"
"""Where a development server keeps the key that it made for itself, in the data folder."""

TEST_WITHIN = 4.0
"""Seconds that a test may take: a client waits for it."""


class Posting:
    """One process's."""

    def __init__(self, database: Database, reading: Reading, settings: Settings) -> None:
        self.database, self.reading, self._settings = database, reading, settings
        self.sender = Sender(settings.webhook_networks)
        self._signer: Signer | None = None

    @property
    def signer(self) -> Signer:
        """Signs by the site's keys."""
        if self._signer is None:
            self._signer = Signer(keys_of(self._settings))
        return self._signer

    def check_url(self, url: str) -> None:
        """Raises ``BadInput`` for an address that nothing may be sent to."""
        addresses.check_url(url, self._settings.webhook_networks)

    async def check_document(
        self, tenant: UUID, document: str, variables: Mapping[str, Any] | None, roles: Iterable[str]
    ) -> None:
        """Raises ``BadInput`` for what is no document of a webhook."""
        given = None if variables is None else dict(variables)
        await self.reading.prepare(Hook(tenant, UUID(int=0), document, given, tuple(roles)))

    def secret(self, webhook: UUID, version: int) -> str:
        """What receivers check symmetric signatures with."""
        return self.signer.secret(webhook, version)

    def public_key(self, webhook: UUID, version: int) -> str:
        """What receivers check asymmetric signatures with."""
        return self.signer.public_key(webhook, version)

    async def test(self, tenant: UUID, webhook: UUID, key: str | None) -> dict[str, Any] | None:
        """Send a test now, and report what came of it as the payload of ``webhookTest`` has it; None where there is no such
        webhook. With the same ``key`` of a caller's it is the same message.
        """
        row = await storing.load(self.database, Lease(tenant, webhook, webhook))
        if row is None:
            return None
        content = {
            "type": "webhook.tested",
            "timestamp": write(row["now"]),
            "data": {"webhook": encode("hook", webhook)},
        }
        body, message = orjson.dumps(content), f"msg_{(uuid5(webhook, key) if key else uuid4()).hex}"
        answer = await self.sender.send(row["url"], self.headers(row, webhook, message, body), body, TEST_WITHIN)
        return {"response_status": answer.status, "failure": answer.failure, "milliseconds": answer.milliseconds}

    def headers(self, row: Any, webhook: UUID, message: str, body: bytes) -> dict[str, str]:
        """What tells a receiver which delivery it is, and whose."""
        timestamp = int(time())
        versions = [row["secret_version"], *([row["secret_version"] - 1] if row["former"] else [])]
        return {
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self.signer.signatures(webhook, versions, message, timestamp, body),
        }


def has_keys(settings: Settings) -> bool:
    """Whether there are keys to sign with; a development server makes one for itself."""
    return bool(settings.webhook_keys) or settings.environment == "development"


def keys_of(settings: Settings) -> list[str]:
    """The site's keys to sign with. Raises ``OSError`` where the file of a development server can't be written or read."""
    return settings.webhook_keys.split(",") if settings.webhook_keys else [_own(settings.data_dir / KEY_FILE)]


def _own(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()
