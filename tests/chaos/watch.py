"""Someone who reads while others write: each answer is one moment of the data, and none is older than the one before; where
a standby answers, none is older than what the clients were told before.
"""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx

from tests.chaos.load import Shop

LOOK = """{
  orders(first: 100, where: {status: {eq: CONFIRMED}}) {
    pageInfo { hasNextPage }
    nodes { id version lineItems(first: 5) { nodes { product { sku } reservedQuantity } } }
  }
  products(first: 5) { nodes { sku stock { onHand reserved available } } }
}"""
PAUSE = 0.1
"""Seconds between two looks: what is watched are the others' commands."""


async def watch(shop: Shop, wrong: list[str], looks: Counter[str], seen: asyncio.Event) -> None:
    """Look, at one server after the other, until called off; what is seen that can't be is put into ``wrong``. ``seen``
    is set by each look that is answered.
    """
    versions: dict[str, int] = {}
    async with shop.site.client(shop.tenant) as client:
        while True:
            for server in shop.site.servers:
                if shop.site.reading_url:
                    client.headers["x-read-after"], versions = shop.stored or "0/0", {**shop.versions}
                answer = await look(client, f"{server.url}/graphql")
                looks["unanswered" if answer is None else "answered"] += 1
                wrong += judge(answer, versions)
                if answer is not None:
                    seen.set()
            await asyncio.sleep(PAUSE)


async def look(client: httpx.AsyncClient, url: str) -> Any:
    """The answer; None where a fault kept it away."""
    try:
        answer = (await client.post(url, json={"query": LOOK})).json()
    except httpx.TransportError:
        return None
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    return None if codes and codes <= {"UNAVAILABLE", "TIMEOUT"} else answer


def judge(answer: Any, versions: dict[str, int]) -> list[str]:
    """What of an answer can't be; ``versions`` has what was seen before, and gets what is seen now."""
    if answer is None:
        return []
    if "errors" in answer:
        return [f"a look was answered strangely: {answer['errors']}"]
    orders, products = answer["data"]["orders"], answer["data"]["products"]["nodes"]
    wrong = []
    for order in orders["nodes"]:
        if order["version"] < versions.get(order["id"], 0):
            wrong.append(f"{order['id']} was seen at version {versions[order['id']]}, and later at {order['version']}")
        versions[order["id"]] = order["version"]
    held: Counter[str] = Counter()
    for line in (line for order in orders["nodes"] for line in order["lineItems"]["nodes"]):
        held[line["product"]["sku"]] += Decimal(line["reservedQuantity"])  # type: ignore[assignment]  # a Counter of decimals
    for product in products:
        stock = {name: Decimal(value) for name, value in product["stock"].items()}
        if stock["available"] != stock["onHand"] - stock["reserved"] or min(stock.values()) < 0:
            wrong.append(f"{product['sku']} was seen with {product['stock']}")
        elif not orders["pageInfo"]["hasNextPage"] and stock["reserved"] != held[product["sku"]]:
            wrong.append(f"{product['sku']} was seen with {stock['reserved']} reserved, and orders with {held}")
    return wrong
