"""What webhooks are: their states, how often one is tried, and what a delivery is called."""

from datetime import timedelta
from enum import auto
from uuid import UUID, uuid5

from core.choices import Choice
from core.modules import Permission

PERMISSIONS = {"webhooks:manage": Permission("make, change, try and end webhooks")}
SUBJECTS = {"webhook": "hook"}

LIMIT_REACHED = "LIMIT_REACHED"
ERROR_CODES = {LIMIT_REACHED: "There are as many as the tenant may have."}

MOST = 20
"""Webhooks of a tenant."""

MOST_WAITING = 10_000
"""Deliveries of a webhook that wait. With more it reads no further: the log of commits keeps the rest."""

DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds until a delivery that wasn't taken is tried again, after the first attempt, the second, and so on."""

GIVEN_UP_AFTER = timedelta(days=3)
"""How long a delivery is tried."""

TAKEN_DAYS, GIVEN_UP_DAYS = 7, 30
"""Days that deliveries are kept which were taken, and those that were given up."""

FAILING_AFTER = 5
"""Attempts in a row that weren't taken, whatever they were about: from then on the receiver is tried one by one."""

PROBES = (30, 60, 120, 240, 480, 900)
"""Seconds between two attempts at a receiver that takes nothing."""


class WebhookStatus(Choice):
    """Whether a webhook is sent to."""

    ACTIVE = auto(), "What happens is sent."
    PAUSED = auto(), "Somebody paused it. What happens waits, as long as the feed is kept."
    FAILING = (
        auto(),
        "The receiver takes nothing: it is tried more and more rarely, with one delivery at a time, while the feed is kept.",
    )
    STOPPED = (
        auto(),
        "The receiver answered 410, its document or address can't be used, or the feed doesn't have its place any more.",
    )


class WebhookDeliveryStatus(Choice):
    """Whether a delivery was taken."""

    TAKEN = auto(), "The receiver answered with a status of 200 to 299."
    WAITING = (
        auto(),
        "It wasn't taken yet and is sent again. Later events of the same record wait behind it.",
    )
    GIVEN_UP = auto(), "It wasn't taken for three days, and isn't sent again unless somebody asks for it."


def message_id(webhook: UUID, first: UUID, last: UUID) -> str:
    """The id of a delivery, made of what it tells: whoever sends it again, after whatever accident, sends it under the same."""
    return f"msg_{uuid5(webhook, f'{first}/{last}').hex}"
