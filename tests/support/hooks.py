"""Inputs of webhooks, for tests of all mutations. Nobody listens at the address."""

from typing import Any

from tests.support.http import command

GIVEN = {"url": "http://127.0.0.1:9/", "document": "subscription { eventFeed { cursor } }", "roles": ["viewer"]}

SINCE = {"since": "2100-01-01T00:00:00Z"}
"""What is replayed where nothing is."""


async def new(firm: Any) -> dict[str, Any]:
    """One with a name that none had before."""
    return GIVEN | {"name": f"new {await firm.admin.fetchval('SELECT count(*) FROM events')}"}


async def made(firm: Any) -> dict[str, Any]:
    """Another one's id."""
    shown = await command(firm.client, "webhookCreate", await new(firm), "webhook { id }")
    return {"webhook": shown["webhook"]["id"]}


async def replayed(firm: Any) -> dict[str, Any]:
    """The firm's own, and nothing to send again."""
    return {"webhook": firm.own["hook"][0], **SINCE}
