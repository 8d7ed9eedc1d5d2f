"""Webhooks: made and changed by commands; what is sent, and what waits, is stored under a worker's lease."""

from services.kit.upkeep import Upkeep
from services.webhooks import storing
from services.webhooks.commands import (
    Site,
    WebhookCreate,
    WebhookDelete,
    WebhookReplay,
    WebhookSecretRotate,
    WebhookTest,
    WebhookUpdate,
    create,
    delete,
    replay,
    rotate,
    tested,
    update,
)
from services.webhooks.storing import answered

UPKEEP = (Upkeep("deliveries", 3_600, storing.sweep, "Deleted {:,} webhook deliveries."),)

__all__ = [
    "UPKEEP",
    "Site",
    "WebhookCreate",
    "WebhookDelete",
    "WebhookReplay",
    "WebhookSecretRotate",
    "WebhookTest",
    "WebhookUpdate",
    "answered",
    "create",
    "delete",
    "replay",
    "rotate",
    "tested",
    "update",
]
