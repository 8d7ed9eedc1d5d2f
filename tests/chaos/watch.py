"""Someone who reads while others write: each answer is one moment of the data, and none is older than the one before; where
a standby answers, none is older than what the clients were told before.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from tests.chaos.load import BASKETS, Shop

# Holds first: one that ends in the middle of a look is known to it then.
LOOK = """{
  HOLDS
  orders(first: 100, where: {status: {eq: CONFIRMED}}) {
    pageInfo { hasNextPage }
    nodes { id version lineItems(first: 10) { nodes { product { sku } reservedQuantity } } }
  }
  products(first: 10) { nodes { sku stock { onHand reserved available expired } } }
  stockLevels(first: 100) { nodes { product { sku } onHand reserved available lot { blocked expiresOn } } }
}""".replace(
    "HOLDS",
    " ".join(
        f'hold{number}: stockHold(reference: "{each}") {{ expiresAt lines {{ product {{ sku }} quantity }} }}'
        for number, each in enumerate(BASKETS)
    ),
)
UNCOUNTED = " reserved, and orders and holds with "
LOOK_EVERY = 0.1
"""Seconds between two looks: what is watched are the others' commands."""


async def watch(shop: Shop, wrong: list[str], looks: Counter[str], seen: asyncio.Event) -> None:
    """Look, at one server after the other, until called off; what is seen that can't be is put into ``wrong``. ``seen``
    is set by each look that is answered.
    """
    versions: dict[str, int] = {}
    odd: set[str] = set()
    async with shop.site.client(shop.tenant) as client:
        while True:
            for server in shop.site.servers:
                if shop.site.reading_url:
                    client.headers["x-read-after"], versions = shop.stored or "0/0", {**shop.versions}
                answer = await look(client, f"{server.url}/graphql")
                looks["unanswered" if answer is None else "answered"] += 1
                found = judge(answer, versions)
                # A hold that ends between two statements of a look was counted by one of them; by the next look it is over.
                uncounted = {each for each in found if UNCOUNTED in each}
                wrong += [each for each in found if each not in uncounted - odd]
                odd = uncounted
                if answer is not None:
                    seen.set()
            await asyncio.sleep(LOOK_EVERY)


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
    data = answer["data"]
    wrong = []
    for order in data["orders"]["nodes"]:
        if order["version"] < versions.get(order["id"], 0):
            wrong.append(f"{order['id']} was seen at version {versions[order['id']]}, and later at {order['version']}")
        versions[order["id"]] = order["version"]
    levels = data["stockLevels"]["nodes"]
    wrong += [f"{each['product']['sku']} was seen with the balance {each}" for each in levels if not _sound(each)]
    there, unsellable = _on_hand(levels), _on_hand([each for each in levels if not _sellable(each["lot"])])
    for product in data["products"]["nodes"]:
        sku, stock = product["sku"], {name: Decimal(value) for name, value in product["stock"].items()}
        free = stock["onHand"] - stock["reserved"]
        possible = free - stock["expired"] <= stock["available"] <= min(free, stock["onHand"] - stock["expired"])
        if (
            not possible
            or min(stock.values()) < 0
            or (stock["onHand"], stock["expired"]) != (there[sku], unsellable[sku])
        ):
            wrong.append(f"{sku} was seen with {product['stock']}, and {there[sku]} of it in all places")
    return wrong if data["orders"]["pageInfo"]["hasNextPage"] else [*wrong, *_uncounted(data)]


def _sound(level: Any) -> bool:
    """Whether a balance has goods for all that is promised of it, and offers what may be sold of the rest."""
    on_hand, reserved, available = (Decimal(level[name]) for name in ("onHand", "reserved", "available"))
    return 0 <= reserved <= on_hand and available == (on_hand - reserved if _sellable(level["lot"]) else 0)


def _sellable(lot: Any) -> bool:
    return lot is None or not (lot["blocked"] or (lot["expiresOn"] or "9999") < datetime.now(UTC).date().isoformat())


def _on_hand(levels: list[Any]) -> Mapping[str, Decimal]:
    sums = defaultdict[str, Decimal](Decimal)
    for each in levels:
        sums[each["product"]["sku"]] += Decimal(each["onHand"])
    return sums


def _uncounted(data: Any) -> list[str]:
    """Products of which orders and holds don't have what is reserved. A hold ends by the clock, and each statement of an answer has
    its own moment; so where one of them is over by now, more may be reserved than was seen to be held.
    """
    held = defaultdict[str, Decimal](Decimal)
    for line in (line for order in data["orders"]["nodes"] for line in order["lineItems"]["nodes"]):
        held[line["product"]["sku"]] += Decimal(line["reservedQuantity"])
    least, now = dict(held), datetime.now(UTC)
    holds = [hold for name, hold in data.items() if name.startswith("hold") and hold]
    for line in (line for hold in holds for line in hold["lines"]):
        held[line["product"]["sku"]] += Decimal(line["quantity"])
    exact = all(datetime.fromisoformat(hold["expiresAt"]) > now for hold in holds)
    found = {each["sku"]: Decimal(each["stock"]["reserved"]) for each in data["products"]["nodes"]}
    return [
        f"{sku} was seen with {reserved}{UNCOUNTED}{held[sku]}"
        for sku, reserved in found.items()
        if reserved < least.get(sku, 0) or (exact and reserved != held[sku])
    ]
