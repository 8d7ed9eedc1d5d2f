"""Clients that order, ship, cancel, take back and count, and keep a history of what they were told."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx

from tests.chaos.site import Site, Tenant

SETUP = """
mutation ($customer: PartnerUpsertInput!, $warehouse: WarehouseCreateInput!) {
  partnerUpsert(input: $customer) { userErrors { message } }
  warehouseCreate(input: $warehouse) { warehouse { id } userErrors { message } }
}"""
LOCATION = "mutation ($input: LocationCreateInput!) { locationCreate(input: $input) { location { id } userErrors { message } } }"
PRODUCT = "mutation ($input: ProductUpsertInput!) { productUpsert(input: $input) { userErrors { message } } }"
ORDER = (
    "order { id number version status"
    " lineItems { nodes { id quantity shippedQuantity cancelledQuantity returnedQuantity } } }"
)
STOCK = "moves { id quantity }"
FIELDS = {"stockAdjust": STOCK, "stockTransfer": STOCK}
INPUTS = {
    "orderCreate": "OrderCreateInput",
    "orderShip": "OrderShipInput",
    "orderCancel": "OrderCancelInput",
    "orderReturn": "OrderReturnInput",
    "stockAdjust": "StockAdjustInput",
    "stockTransfer": "StockTransferInput",
}


class Outcome(Enum):
    """What a client knows of a command."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed, and nothing was done"
    UNKNOWN = "unknown"


@dataclass
class Command:
    """An entry of the history. ``answers`` are all that came, of the first attempt and of its repetitions."""

    key: str
    name: str
    given: dict[str, Any]
    retried: bool = True
    """Whether its client repeats it until it knows; else it may stay unknown."""
    client: int = 0
    outcome: Outcome = Outcome.UNKNOWN
    carried_out: bool = False
    """Whether an answer said that it was, and that its payload couldn't be read."""
    answers: list[Any] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    """Answers that no fault explains."""
    attempts: int = 0
    slowest: float = 0.0
    """Seconds that its slowest answer took."""

    @property
    def payload(self) -> Any:
        return self.answers[0] if self.answers else None


@dataclass
class Shop:
    """What a run's clients work on: few products, few units, so that they meet."""

    site: Site
    tenant: Tenant
    products: list[str]
    locations: list[str]
    history: list[Command] = field(default_factory=list)
    stored: str = ""
    """The newest position that an answer told: a reader that gives it sees at least ``versions``."""
    versions: dict[str, int] = field(default_factory=dict)
    """The newest version of each order that an answer told."""

    def learn(self, command: Command, headers: Mapping[str, str]) -> None:
        """Remember what an answer to a command told."""
        if "x-read-after" not in headers:
            return
        self.stored = max(self.stored, headers["x-read-after"], key=_position)
        for answer in command.answers[-1:]:
            if order := answer.get("order"):
                self.versions[order["id"]] = max(self.versions.get(order["id"], 0), order["version"])


def _position(text: str) -> tuple[int, ...]:
    return tuple(int(part, 16) for part in text.split("/") if part)


async def stocked(site: Site, tenant: Tenant, units: int = 40) -> Shop:
    """A tenant with three products at two locations."""
    shop = Shop(site, tenant, [f"P{index}" for index in range(3)], [])
    async with site.client(tenant) as client:
        given = {"customer": {"code": "C", "name": "A customer"}, "warehouse": {"code": "W", "name": "A warehouse"}}
        warehouse = (await ask(client, site, SETUP, given))["warehouseCreate"]["warehouse"]["id"]
        for code in ("A", "B"):
            given = {"input": {"warehouse": warehouse, "code": code, "name": code}}
            shop.locations.append((await ask(client, site, LOCATION, given))["locationCreate"]["location"]["id"])
        for sku in shop.products:
            price = {"amount": "1.25", "currency": "EUR"}
            await ask(client, site, PRODUCT, {"input": {"sku": sku, "name": sku, "listPrice": price}})
            lines = [{"product": {"sku": sku}, "location": place, "delta": str(units)} for place in shop.locations]
            command = Command(uuid4().hex, "stockAdjust", {"lines": lines, "reason": "opening"})
            shop.history.append(command)
            await send(client, shop, command)
            assert command.outcome is Outcome.OK, command
    return shop


async def ask(client: httpx.AsyncClient, site: Site, query: str, variables: dict[str, Any]) -> Any:
    answer = (await client.post(f"{site.url}/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def send(client: httpx.AsyncClient, shop: Shop, command: Command) -> None:
    """Send a command once, and note what came of it. Each repetition goes to the next server."""
    site = shop.site
    selection = FIELDS.get(command.name, ORDER)
    query = (
        f"mutation ($input: {INPUTS[command.name]}!) {{"
        f" {command.name}(input: $input) {{ {selection} userErrors {{ code message path }} }} }}"
    )
    server = site.servers[(command.client + command.attempts) % len(site.servers)]
    command.attempts += 1
    given = command.given | {"idempotencyKey": command.key}
    began = monotonic()
    try:
        response = await client.post(f"{server.url}/graphql", json={"query": query, "variables": {"input": given}})
        answer = response.json()
    except httpx.ReadTimeout:
        command.strange.append(f"no answer in {monotonic() - began:.1f} s")
        return
    except httpx.HTTPError:
        return  # the server was killed
    except ValueError:
        command.strange.append(response.text)
        return
    command.slowest = max(command.slowest, monotonic() - began)
    note(command, answer)
    shop.learn(command, response.headers)


def note(command: Command, answer: Any) -> None:
    """What a command's client knows after an answer."""
    if errors := answer.get("errors"):
        codes = {error["extensions"]["code"] for error in errors}
        if codes == {"DONE_NOT_READ"}:
            # It is there, once, whatever comes of repeating it; what it made is told by that alone.
            command.carried_out = True
            command.outcome = command.outcome if command.answers else Outcome.UNKNOWN
        elif not codes <= {"UNAVAILABLE", "TIMEOUT"}:
            command.strange.append(str(answer))
        # Where the first attempt is unknown, a second one that did nothing says nothing of it.
        elif "Nothing was done" in errors[0]["message"] and command.attempts == 1:
            command.outcome = Outcome.FAILED
        return
    payload = answer["data"][command.name]
    if not payload["userErrors"] and None in payload.values():
        command.strange.append(f"done, and nothing came of it: {payload}")
        return
    command.answers.append(payload)
    command.outcome = Outcome.REFUSED if payload["userErrors"] else Outcome.OK


async def work(shop: Shop, seed: int, number: int, goes_on: Callable[[], bool]) -> None:
    """A client: commands for as long as it goes on, each repeated until it is known, or left in doubt."""
    chance = random.Random(seed * 1_000 + number)  # noqa: S311 - repeatable, not secret
    orders: list[Any] = []
    async with shop.site.client(shop.tenant) as client:
        while goes_on():
            name, given = next_command(shop, chance, orders)
            key = f"{seed}-{number}-{len(shop.history)}"
            command = Command(key, name, given, chance.random() < 0.9, number)
            shop.history.append(command)
            await carry_through(client, shop, command, chance)
            if command.outcome is Outcome.OK and command.payload.get("order"):
                orders[:] = [each for each in orders if each["id"] != command.payload["order"]["id"]][-5:]
                orders.append(command.payload["order"])


async def carry_through(client: httpx.AsyncClient, shop: Shop, command: Command, chance: random.Random) -> None:
    """Send a command; in one of ten cases to two servers at once, and in another once more than was needed."""
    kind = chance.random()
    await asyncio.gather(*(send(client, shop, command) for _ in range(2 if kind < 0.1 else 1)))
    if not command.answers and command.retried:
        await repeat(client, shop, command)
    elif command.outcome is Outcome.OK and kind > 0.9:
        await send(client, shop, command)


PATIENCE = 30
"""Seconds within which a client that repeats must have its answer, faults and all."""


async def repeat(client: httpx.AsyncClient, shop: Shop, command: Command) -> None:
    """Send a command again until it is answered. Raises ``TimeoutError`` where it never is."""
    async with asyncio.timeout(PATIENCE):
        while not command.answers:
            await asyncio.sleep(0.05)
            await send(client, shop, command)


def next_command(shop: Shop, chance: random.Random, orders: list[Any]) -> tuple[str, dict[str, Any]]:
    """What a client does next: mostly it orders, else something with an order that it has, or with stock."""
    kind = chance.choices(("order", "follow", "adjust", "transfer"), (5, 5, 1, 1))[0]
    if kind == "follow" and orders:
        return follow(chance, chance.choice(orders))
    if kind == "adjust":
        line = {
            "product": {"sku": chance.choice(shop.products)},
            "location": chance.choice(shop.locations),
            "delta": str(chance.choice((-3, -2, 2, 3, 5))),
        }
        return "stockAdjust", {"lines": [line], "reason": "count"}
    if kind == "transfer":
        source, destination = chance.sample(shop.locations, 2)
        lines = [{"product": {"sku": sku}, "quantity": "2"} for sku in chance.sample(shop.products, 2)]
        return "stockTransfer", {"lines": lines, "source": source, "destination": destination}
    lines = [
        {"product": {"sku": chance.choice(shop.products)}, "quantity": str(chance.randint(1, 4))}
        for _ in range(chance.randint(1, 3))
    ]
    given = {"customer": {"code": "C"}, "lineItems": lines, "confirm": True}
    return "orderCreate", given | {"allowBackorder": chance.random() < 0.4}


def follow(chance: random.Random, order: Any) -> tuple[str, dict[str, Any]]:
    """Ship it, cancel it, or take a unit of it back."""
    given: dict[str, Any] = {"order": {"id": order["id"]}}
    shipped = [line for line in order["lineItems"]["nodes"] if float(line["shippedQuantity"]) > 0]
    match chance.choice(("ship", "ship", "cancel", "return")):
        case "cancel":
            return "orderCancel", given
        case "return" if shipped:
            disposition = chance.choice(("RESTOCK", "SCRAP"))
            line = {"lineItem": chance.choice(shipped)["id"], "quantity": "1", "disposition": disposition}
            return "orderReturn", given | {"lineItems": [line]}
        case _:
            return "orderShip", given
