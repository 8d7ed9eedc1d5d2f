"""Clients that order, edit, ship, undo shipments, cancel, take back and count, and keep a history of what they were told."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
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
    "order { id number version status shipments { nodes { id status } }"
    " lineItems { nodes { id quantity shippedQuantity cancelledQuantity returnedQuantity product { sku } } } }"
)
STOCK = "moves { id quantity }"
FIELDS = {
    "stockAdjust": STOCK,
    "stockTransfer": STOCK,
    "stockHold": "hold { id }",
    "lotUpdate": "lot { id version }",
    "shipmentCancel": f"shipment {{ id {ORDER} }}",
}
INPUTS = {
    "orderCreate": "OrderCreateInput",
    "orderUpdate": "OrderUpdateInput",
    "orderShip": "OrderShipInput",
    "shipmentCancel": "ShipmentCancelInput",
    "orderCancel": "OrderCancelInput",
    "orderReturn": "OrderReturnInput",
    "orderReserve": "OrderReserveInput",
    "stockHold": "StockHoldInput",
    "lotUpdate": "LotUpdateInput",
    "stockAdjust": "StockAdjustInput",
    "stockTransfer": "StockTransferInput",
}


LOTS: Mapping[str, Sequence[str]] = {"CHEESE": ("L1", "L2"), "PHONE": tuple(f"S{number}" for number in range(12))}
"""The products that are tracked: one by lots, one by serial numbers."""
TRACKING = {"CHEESE": "LOT", "PHONE": "SERIAL"}
BASKETS = tuple(f"basket {number}" for number in (1, 2, 3))
"""The references of holds."""


OVER = "2020-01-31"
"""A last day that has passed."""


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
    order: str | None = None
    """The id of the order that it is about, where it is about one that was there."""
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
    holds: list[str] = field(default_factory=list)
    """Holds that answers told lately; some have ended since."""
    lots: list[str] = field(default_factory=list)
    """The ids of the lots."""
    shipments: dict[str, str] = field(default_factory=dict)
    """The orders of shipments that answers told."""

    def learn(self, command: Command, headers: Mapping[str, str]) -> None:
        """Remember what an answer to a command told."""
        for answer in command.answers[-1:]:
            if order := answer.get("order"):
                self.shipments |= {each["id"]: order["id"] for each in order["shipments"]["nodes"]}
        if "x-read-after" not in headers:
            return
        self.stored = max(self.stored, headers["x-read-after"], key=_position)
        for answer in command.answers[-1:]:
            if hold := answer.get("hold"):
                self.holds[:] = [*self.holds, hold["id"]][-5:]
            if order := answer.get("order"):
                self.versions[order["id"]] = max(self.versions.get(order["id"], 0), order["version"])

    def about(self, given: Mapping[str, Any]) -> str | None:
        """The order that an input is about."""
        return (given.get("order") or {}).get("id") or self.shipments.get(given.get("shipment", ""))


def _position(text: str) -> tuple[int, ...]:
    return tuple(int(part, 16) for part in text.split("/") if part)


async def stocked(site: Site, tenant: Tenant, units: int = 40) -> Shop:
    """A tenant with five products at two locations: one of them is tracked by two lots, one by serial numbers."""
    shop = Shop(site, tenant, [*(f"P{index}" for index in range(3)), *TRACKING], [])
    async with site.client(tenant) as client:
        given = {"customer": {"code": "C", "name": "A customer"}, "warehouse": {"code": "W", "name": "A warehouse"}}
        warehouse = (await ask(client, site, SETUP, given))["warehouseCreate"]["warehouse"]["id"]
        for code in ("A", "B"):
            given = {"input": {"warehouse": warehouse, "code": code, "name": code}}
            shop.locations.append((await ask(client, site, LOCATION, given))["locationCreate"]["location"]["id"])
        for sku in shop.products:
            price = {"amount": "1.25", "currency": "EUR"}
            item = {"sku": sku, "name": sku, "listPrice": price, "tracking": TRACKING.get(sku, "NONE")}
            await ask(client, site, PRODUCT, {"input": item})
            lines = opening(sku, shop.locations, units)
            command = Command(uuid4().hex, "stockAdjust", {"lines": lines, "reason": "opening"})
            shop.history.append(command)
            await send(client, shop, command)
            assert command.outcome is Outcome.OK, command
        found = await ask(client, site, "{ lots(first: 100) { nodes { id } } }", {})
        shop.lots += [lot["id"] for lot in found["lots"]["nodes"]]
    return shop


def opening(sku: str, places: Sequence[str], units: int) -> list[dict[str, Any]]:
    """A product's first stock, as lines of ``stockAdjust``: of each lot some everywhere, of serial numbers one in either place."""
    line = {"product": {"sku": sku}}
    if TRACKING.get(sku) == "SERIAL":
        return [line | {"location": places[n % 2], "delta": "1", "lot": code} for n, code in enumerate(LOTS[sku])]
    lots = [{"lot": code} for code in LOTS.get(sku, ())] or [{}]
    return [line | {"location": place, "delta": str(units)} | lot for place in places for lot in lots]


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
    lets_go = command.name == "stockHold" and not command.given.get("lines")  # of nothing, perhaps
    if not payload["userErrors"] and None in payload.values() and not lets_go:
        command.strange.append(f"done, and nothing came of it: {payload}")
        return
    if shipment := payload.get("shipment"):
        payload["order"] = shipment.pop("order")
    command.answers.append(payload)
    command.outcome = Outcome.REFUSED if payload["userErrors"] else Outcome.OK


async def work(shop: Shop, seed: int, number: int, goes_on: Callable[[], bool]) -> None:
    """A client: commands for as long as it goes on, each repeated until it is known, or left in doubt."""
    chance = random.Random(seed * 1_000 + number)
    orders: list[Any] = []
    async with shop.site.client(shop.tenant) as client:
        while goes_on():
            name, given = next_command(shop, chance, orders)
            key = f"{seed}-{number}-{len(shop.history)}"
            command = Command(key, name, given, chance.random() < 0.9, number, shop.about(given))
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


ANSWERED_WITHIN = 30
"""Seconds within which a client that repeats must have its answer, faults and all."""


async def repeat(client: httpx.AsyncClient, shop: Shop, command: Command) -> None:
    """Send a command again until it is answered. Raises ``TimeoutError`` where it never is."""
    async with asyncio.timeout(ANSWERED_WITHIN):
        while not command.answers:
            await asyncio.sleep(0.05)
            await send(client, shop, command)


def next_command(shop: Shop, chance: random.Random, orders: list[Any]) -> tuple[str, dict[str, Any]]:
    """What a client does next: mostly it orders, else something with an order that it has, or with stock."""
    kind = chance.choices(("order", "follow", "adjust", "transfer", "hold", "lot"), (10, 10, 2, 2, 4, 1))[0]
    if kind == "follow" and orders:
        return follow(shop, chance, chance.choice(orders))
    if kind == "adjust":
        sku = chance.choice(shop.products)
        delta = chance.choice((-1, 1) if TRACKING.get(sku) == "SERIAL" else (-3, -2, 2, 3, 5))
        line = goods(chance, sku) | {"location": chance.choice(shop.locations), "delta": str(delta)}
        return "stockAdjust", {"lines": [line], "reason": "count", "takeReserved": chance.random() < 0.3}
    if kind == "lot":
        change = chance.choice(({"blocked": True}, {"blocked": False}, {"expiresOn": OVER}, {"expiresOn": None}))
        return "lotUpdate", {"lot": chance.choice(shop.lots)} | change
    if kind == "transfer":
        source, destination = chance.sample(shop.locations, 2)
        lines = [
            goods(chance, sku) | {"quantity": "1" if TRACKING.get(sku) == "SERIAL" else "2"}
            for sku in chance.sample(shop.products, 2)
        ]
        return "stockTransfer", {"lines": lines, "source": source, "destination": destination}
    lines = [
        {"product": {"sku": chance.choice(shop.products)}, "quantity": str(chance.randint(1, 4))}
        for _ in range(chance.randint(1, 3))
    ]
    if kind == "hold":
        # Some are so short that they end while others are at them, and some are let go.
        basket = {"reference": chance.choice(BASKETS), "seconds": chance.choice((1, 1, 60))}
        return "stockHold", basket | {"lines": lines if chance.random() < 0.8 else []}
    given = {"customer": {"code": "C"}, "lineItems": lines, "confirm": True}
    given |= {"hold": chance.choice(shop.holds)} if shop.holds and chance.random() < 0.3 else {}
    return "orderCreate", given | {"allowBackorder": chance.random() < 0.4}


def goods(chance: random.Random, sku: str) -> dict[str, Any]:
    """A product as a line of stock names it, with a lot where it is tracked."""
    return {"product": {"sku": sku}} | ({"lot": chance.choice(LOTS[sku])} if sku in LOTS else {})


def follow(shop: Shop, chance: random.Random, order: Any) -> tuple[str, dict[str, Any]]:
    """Ship it or a part of it, undo that, edit it, cancel it, take a unit of it back, or let goods of it go and reserve them again."""
    given: dict[str, Any] = {"order": {"id": order["id"]}}
    lines = order["lineItems"]["nodes"]
    shipped = [line for line in lines if float(line["shippedQuantity"]) > 0]
    stand = [each["id"] for each in order["shipments"]["nodes"] if each["status"] == "SHIPPED"]
    name, more = "orderShip", dict[str, Any]()
    match chance.choice(("ship", "ship", "part", "unship", "unship", "edit", "edit", "cancel", "return", "reserve")):
        case "part":
            more = {"lineItems": [{"lineItem": chance.choice(lines)["id"], "quantity": "1"}]}
        case "unship" if stand:
            name, given = "shipmentCancel", {"shipment": chance.choice(stand), "reason": "a mistake"}
        case "edit":
            name, more = "orderUpdate", {"changes": edits(shop, chance, lines)}
        case "reserve":
            part = [{"lineItem": chance.choice(lines)["id"], "quantity": "0"}]
            name, more = "orderReserve", {"lineItems": part} if chance.random() < 0.5 else {}
        case "cancel":
            name = "orderCancel"
        case "return" if shipped:
            came = chance.choice(shipped)
            line = {"lineItem": came["id"], "quantity": "1", "disposition": chance.choice(("RESTOCK", "SCRAP"))}
            if lots := LOTS.get(came["product"]["sku"]):
                line["lot"] = chance.choice(lots)
            name, more = "orderReturn", {"lineItems": [line]}
    return name, given | more


MOST_LINES = 8
"""Lines that an order gets by edits at most: who looks on reads all of them."""


def edits(shop: Shop, chance: random.Random, lines: Sequence[Any]) -> list[dict[str, Any]]:
    """Lines of an order that are made more, less or called off, and perhaps a new one."""
    changes = []
    for line in chance.sample(lines, chance.randint(1, min(2, len(lines)))):
        more = max(int(line["quantity"]) + chance.choice((-1, 1, 2)), 0)
        changes.append({"lineItem": line["id"], "quantity": str(chance.choice((0, more, more)))})
    if len(lines) < MOST_LINES and chance.random() < 0.4:
        changes.append({"product": {"sku": chance.choice(shop.products)}, "quantity": str(chance.randint(1, 3))})
    return changes
