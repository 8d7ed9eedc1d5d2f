"""Hand-made webhooks, and what was sent to them: a part of the oddments (``tests.support.oddments``)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

Row = dict[str, Any]


def webhooks(count: int, events: list[Row]) -> dict[str, list[Row]]:
    """Webhooks that are paused, and what was sent to them: to webhook n n % 3 deliveries."""
    hooks = [
        {
            "id": new_id(),
            "name": f"hook {index:02}",
            "url": "https://shop.example/erp",
            "document": "subscription { eventFeed { cursor } }",
            "roles": ["viewer"],
            "status": "PAUSED",
            "commit_id": new_id(),
            "delivered_at": START + timedelta(minutes=index),
        }
        for index in range(count)
    ]
    deliveries = [
        {
            "id": new_id(),
            "webhook_id": hook["id"],
            "message_id": f"msg_{index}_{place}",
            "event_id": events[index]["id"],
            "events": [events[index]["id"]],
            "subjects": [],
            "status": ("TAKEN", "GIVEN_UP")[place],
            "first_attempt_at": START + timedelta(minutes=index),
            "last_attempt_at": START + timedelta(minutes=index),
        }
        for index, hook in enumerate(hooks)
        for place in range(index % 3)
    ]
    turns = [{"id": hook["id"], "resting": True} for hook in hooks]
    return {"webhooks": hooks, "webhook_turns": turns, "webhook_deliveries": deliveries}
