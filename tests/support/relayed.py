"""What tests of the relay ask the graph, and what they look for in brokers."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from app.relay.messages import Message
from app.relay.sinks import Away, Refused, Sink
from tests.support.brokers import Broker, Got
from tests.support.demo_site import Site

SEEN = (
    "query ($subjects: [ID!], $after: String!) { eventFeed(where: {subjects: $subjects}, after: $after, first: 500)"
    " { events { id type occurredAt principal version subjectId before after } } }"
)
MAKE = (
    "mutation ($code: String!, $name: String!) { partnerUpsert(input: {code: $code, name: $name}) { partner { id } } }"
)


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def partner(client: httpx.AsyncClient, code: str, name: str) -> str:
    """Make a partner, or give it another name: an event. Its id."""
    return str((await ask(client, MAKE, code=code, name=name))["partnerUpsert"]["partner"]["id"])


async def told_all(site: Site) -> None:
    """Wait until the broker was told all there is."""
    wanted = (
        "SELECT count(*) FROM tenants t LEFT JOIN relay_cursors r ON r.tenant_id = t.id WHERE r.worker IS NOT NULL"
        " OR r.seen IS DISTINCT FROM (SELECT max(seq) FROM commits WHERE tenant_id = t.id)"
    )
    async with site.admin() as admin, asyncio.timeout(60):
        while await admin.fetchval(wanted):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def at_last(broker: Broker, enough: Callable[[list[Got]], bool]) -> list[Got]:
    """What the broker has, once it is enough."""
    async with asyncio.timeout(60):
        while not enough(found := await broker.kept()):  # noqa: ASYNC110 - nor does a broker
            await asyncio.sleep(0.05)
    return found


def about(found: Iterable[Got], *records: str) -> list[Got]:
    return [each for each in found if each.attributes["subject"] in records]


def rising(found: Iterable[Got]) -> bool:
    """Whether the messages of each record are in the order of what happened."""
    last: dict[str, str] = {}
    for each in found:
        if last.get(each.attributes["subject"], "") >= each.attributes["sequence"]:
            return False
        last[each.attributes["subject"]] = each.attributes["sequence"]
    return True


async def an_order(client: httpx.AsyncClient, lines: int = 1) -> str:
    """Make an order with so many lines: an event."""
    query = "{ partners(first: 1) { nodes { id } } products(first: 1) { nodes { id } } }"
    found = await ask(client, query)
    [customer], [product] = found["partners"]["nodes"], found["products"]["nodes"]
    given = [{"product": {"id": product["id"]}, "quantity": "1"}] * lines
    make = "mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { code } } }"
    made = await ask(client, make, input={"customer": {"id": customer["id"]}, "lineItems": given})
    return str(made["orderCreate"]["order"]["id"])


def message(number: int, tenant: str = "ten_1", size: int = 10) -> Message:
    """One that says nothing, about a record of its own."""
    attributes = {"id": f"evt_{number}", "type": "order.created", "subject": f"ord_{number}"}
    attributes["datacontenttype"] = "application/json"
    return Message(attributes, b'"%b"' % (b"x" * size), tenant, f"ord_{number}")


async def outcomes(sink: Sink, messages: list[Message]) -> dict[str, str]:
    """What becomes of these, sent at once: why they were refused, or that they were taken. Where the connection ends, on the next one."""
    found: dict[str, str] = {}

    async def one(each: Message) -> None:
        with contextlib.suppress(Away):
            try:
                await sink.send(each)
            except Refused as error:
                found[each.id] = str(error)
            else:
                found[each.id] = "taken"

    async with asyncio.timeout(30):
        while left := [each for each in messages if each.id not in found]:
            await asyncio.gather(*map(one, left))
            if len(found) < len(messages):
                await sink.close()
                await sink.open(lambda _: None)
    return found
