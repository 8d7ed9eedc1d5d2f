"""Random commands, given to a company through the graph and to the model: the two must agree after each."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from core.ids import encode, new_id
from core.money import decimal_text
from tests.support.clerk import Clerk
from tests.support.desk import Desk
from tests.support.invariants import broken
from tests.support.stock_model import SOLD_FROM, WAREHOUSES, Model
from tests.support.stock_orders import Line, Order, Part

SKUS = ("P1", "P2")

_OPEN = """
    WITH t AS (INSERT INTO tenants (id, name, currency) VALUES ($1, $1::uuid::text, 'EUR')),
    c AS (INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, 'C1', 'Ida''s Kiosk')),
    w AS (INSERT INTO warehouses (tenant_id, id, code, name) SELECT $1, id, code, code
          FROM unnest($3::uuid[], $4::text[]) AS given (id, code)),
    p AS (INSERT INTO products (tenant_id, id, sku, name, list_price, list_price_currency)
          SELECT $1, id, sku, sku, 10, 'EUR' FROM unnest($5::uuid[], $6::text[]) AS given (id, sku))
    INSERT INTO locations (tenant_id, id, code, name, warehouse_id, kind)
    SELECT $1, id, code, code, warehouse, CASE code WHEN 'HOLD' THEN 'QUARANTINE' ELSE 'INTERNAL' END
    FROM unnest($7::uuid[], $8::text[], $9::uuid[]) AS given (id, code, warehouse)
"""
_COMMAND = "mutation ($input: {type}!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"
_STATE = """{
    stockLevels(first: 50) { nodes { product { sku } location { code } onHand reserved available } }
    orders(first: 250) { nodes { id status version availableActions
        shipments(first: 50) { nodes { id number status lines { lineItem { id } location { code } quantity } } } lineItems(first: 10) { nodes { id product { sku }
        quantity reservedQuantity shippedQuantity cancelledQuantity returnedQuantity releasedQuantity } } } } }"""

QUANTITIES = st.sampled_from([Decimal(text) for text in ("2", "3", "1", "0.5")])
FEW = st.sampled_from([Decimal(text) for text in ("1", "1", "0.5", "0.000001")])
DELTAS = st.sampled_from([Decimal(text) for text in ("1", "2", "0.5", "-1", "-2")])
PRODUCTS = st.sampled_from((SKUS[0], *SKUS))
"""Mostly one of them: who wants the same meets."""
PLACES = st.sampled_from(sorted(WAREHOUSES))
LINES = st.lists(st.tuples(PRODUCTS, QUANTITIES), min_size=1, max_size=2)
PARTS = st.none() | st.lists(st.tuples(st.integers(0, 2), QUANTITIES), min_size=1, max_size=2)
TARGETS = st.none() | st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([Decimal(text) for text in ("0", "1", "0.5", "3")])),
    min_size=1,
    max_size=2,
)
LEAVES = st.none() | st.lists(
    st.tuples(st.integers(0, 2), QUANTITIES, st.sampled_from((None, "SHELF", "RACK", "DOCK", "HOLD"))),
    min_size=1,
    max_size=2,
)
BACK = st.tuples(
    st.integers(0, 2),
    st.sampled_from([Decimal(text) for text in ("1", "0.5", "2")]),
    st.sampled_from(("RESTOCK", "QUARANTINE", "SCRAP")),
    st.sampled_from((*[None] * 6, *WAREHOUSES)),
)
WHICH = st.integers(0, 9)
"""One of the orders that allow the command, counted from the newest; one of all from 8 on."""
SEEN = st.sampled_from((None, None, None, 0, 0, 1))
"""How far the version that the caller saw is from the one that is; None where none is given."""
USUALLY = st.sampled_from((True, True, False))
FROM = st.sampled_from((None, None, None, "NORTH", "SOUTH"))

Row = tuple[str, int, list[tuple[str, ...]], set[str], list[tuple[str, list[tuple[int, str, str]]]]]


async def opened(desk: Desk) -> Clerk:
    """A new company, made at one go, with a customer, two warehouses and products that nothing is there of."""
    clerk = Clerk(desk.database, desk.admin, new_id())
    warehouses = {code: new_id() for code in ("NORTH", "SOUTH")}
    places = {code: new_id() for code in WAREHOUSES}
    owners = [warehouses[code] for code in WAREHOUSES.values()]
    columns = (warehouses.values(), warehouses, [new_id() for _ in SKUS], SKUS, places.values(), places, owners)
    await desk.admin.execute(_OPEN, clerk.tenant, new_id(), *map(list, columns))
    clerk.warehouses = {code: encode("wh", each) for code, each in warehouses.items()}
    clerk.places = {code: encode("loc", each) for code, each in places.items()}
    return clerk


class StockMachine(RuleBasedStateMachine):
    """Two products, three places to sell from in two warehouses, and a quarantine. ``seen`` counts what
    became of the commands, over all examples.
    """

    loop: ClassVar[asyncio.AbstractEventLoop]
    desk: ClassVar[Desk]
    seen: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.shop = self.loop.run_until_complete(opened(self.desk))
        self.orders: list[Any] = []
        """The orders as the graph tells of them, as the model has them."""

    # ------------------------------------------------------------ a step

    def check(self, field: str, given: dict[str, Any], expected: Sequence[str]) -> None:
        """Send a command: it must be refused with the codes that the model says, and leave what it says."""
        self.loop.run_until_complete(self._check(field, given, expected))

    async def _check(self, field: str, given: dict[str, Any], expected: Sequence[str]) -> None:
        mutation = _COMMAND.format(type=f"{field[0].upper()}{field[1:]}Input", field=field)
        told, answer = await self.shop.ask(mutation, {"input": given}), await self.shop.ask(_STATE)
        assert [*told.errors, *answer.errors] == []
        assert sorted(problem["code"] for problem in told.data[field]["userErrors"]) == sorted(expected)
        # Ids rise with time, in one process, so this is the order in which they were made.
        self.orders = sorted(answer.data["orders"]["nodes"], key=lambda order: str(order["id"]))
        assert [_told(order) for order in self.orders] == [_known(order) for order in self.model.orders]
        assert _balances(answer.data["stockLevels"]["nodes"]) == self._balances()
        assert await broken(self.desk.admin, self.shop.tenant) == []
        for code in expected or ["done"]:
            self.seen[field, code] += 1

    def _balances(self) -> dict[tuple[str, str], tuple[str, str]]:
        spots = {(sku, place): self.model.on_hand[sku, place] for sku in SKUS for place in WAREHOUSES}
        return {
            spot: (decimal_text(on_hand), decimal_text(self.model.reserved(*spot)))
            for spot, on_hand in spots.items()
            if on_hand
        }

    def allowing(self, action: str) -> list[int]:
        if action == "UNSHIP":
            return [index for index, order in enumerate(self.model.orders) if order.shipments]
        return [index for index, order in enumerate(self.model.orders) if action in order.actions()]

    def on(self, action: str, which: int, seen: int | None) -> tuple[Order, int | None, dict[str, Any]]:
        """An order, the version that the caller saw of it, and the input that names it."""
        choice = self.allowing(action) if which < 8 else range(len(self.orders))
        index = choice[-1 - which % len(choice)]
        order = self.model.orders[index]
        version = None if seen is None else order.version + seen
        told = {"expectedVersion": version} if version else {}
        return order, version, {"order": {"id": self.orders[index]["id"]}, **told}

    def named(self, order: Order, most: str, parts: Sequence[Any] | None) -> tuple[list[Any] | None, dict[str, Any]]:
        """Parts of lines of the order, of those that have any if there are such, and the input that names them."""
        if parts is None:
            return None, {}
        nodes = self.orders[self.model.orders.index(order)]["lineItems"]["nodes"]
        lines = [index for index, line in enumerate(order.lines) if getattr(line, most)] or range(len(order.lines))
        found = [(lines[choice % len(lines)], *rest) for choice, *rest in parts]
        told = [{"lineItem": nodes[index]["id"], "quantity": str(quantity)} for index, quantity, *_ in found]
        return found, {"lineItems": told}

    def lines(self, lines: Sequence[tuple[str, Decimal]]) -> list[dict[str, Any]]:
        return [{"product": {"sku": sku}, "quantity": str(quantity)} for sku, quantity in lines]

    # ------------------------------------------------------------ commands

    @initialize(amounts=st.lists(st.sampled_from((0, 0, 2, 4)), min_size=4, max_size=4))
    def stocked(self, amounts: list[int]) -> None:
        spots = [(sku, place) for sku in SKUS for place in ("SHELF", "DOCK")]
        self.adjust([(*spot, Decimal(amount)) for spot, amount in zip(spots, amounts, strict=True) if amount])

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Any command that there is something for."""
        kinds = [kind for kind in KINDS if kind.action is None or self.allowing(kind.action)]
        kind = data.draw(st.sampled_from([kind for kind in kinds for _ in range(kind.weight)]))
        getattr(self, kind.name)(**data.draw(st.fixed_dictionaries(kind.takes), label=kind.name))

    def create(self, *, lines: list[tuple[str, Decimal]], confirm: bool, waits: bool, warehouse: str | None) -> None:
        given = self.shop.ordering(self.lines(lines), confirm=confirm, allowBackorder=waits)
        given |= {"warehouse": self.shop.warehouses[warehouse]} if warehouse else {}
        self.check("orderCreate", given, self.model.create(lines, confirm=confirm, waits=waits, warehouse=warehouse))

    def confirm(self, *, which: int, seen: int | None, waits: bool, warehouse: str | None) -> None:
        order, version, given = self.on("CONFIRM", which, seen)
        given |= {"allowBackorder": waits} | ({"warehouse": self.shop.warehouses[warehouse]} if warehouse else {})
        expected = self.model.confirm(order, waits=waits, warehouse=warehouse, version=version)
        self.check("orderConfirm", given, expected)

    def update(self, which: int, seen: int | None, lines: list[tuple[str, Decimal]]) -> None:
        order, version, given = self.on("UPDATE", which, seen)
        given |= {"lineItems": self.lines(lines)}
        self.check("orderUpdate", given, self.model.update(order, lines, version=version))

    def ship(self, which: int, seen: int | None, parts: list[tuple[int, Decimal, str | None]] | None) -> None:
        order, version, given = self.on("SHIP", which, seen)
        found, named = self.named(order, "reserved", parts)
        for line, (_, _, place) in zip(named.get("lineItems", ()), parts or (), strict=True):
            line.update({"location": self.shop.places[place]} if place else {})
        self.check("orderShip", given | named, self.model.ship(order, found, version=version))

    def cancel(self, which: int, seen: int | None, parts: list[Part] | None) -> None:
        order, version, given = self.on("CANCEL", which, seen)
        found, named = self.named(order, "unshipped", parts)
        self.check("orderCancel", given | named, self.model.cancel(order, found, version=version))

    def cancel_shipment(self, which: int, shipment: int) -> None:
        order, _, _ = self.on("UNSHIP", which % 8, None)
        index = shipment % len(order.shipments)
        nodes = self.orders[self.model.orders.index(order)]["shipments"]["nodes"]
        [node] = [node for node in nodes if node["number"].endswith(f"-{index + 1}")]
        self.check("shipmentCancel", {"shipment": node["id"]}, self.model.cancel_shipment(order, index))

    def take_back(self, which: int, seen: int | None, parts: list[tuple[int, Decimal, str, str | None]]) -> None:
        order, version, given = self.on("RETURN", which, seen)
        found, named = self.named(order, "returnable", parts)
        for line, (_, _, fate, place) in zip(named["lineItems"], parts, strict=True):
            line.update({"disposition": fate} | ({"location": self.shop.places[place]} if place else {}))
        self.check("orderReturn", given | named, self.model.take_back(order, found or [], version=version))

    def reserve(self, which: int, seen: int | None, parts: list[Part] | None, *, behind: bool) -> None:
        order, version, given = self.on("CANCEL", which, seen)
        found, named = self.named(order, "unshipped", parts)
        expected = self.model.reserve(order, found, behind=behind, version=version)
        self.check("orderReserve", given | named | {"behindOthers": behind}, expected)

    def adjust(self, lines: list[tuple[str, str, Decimal]], *, take: bool = False) -> None:
        told = [
            {"product": {"sku": sku}, "location": self.shop.places[place], "delta": str(delta)}
            for sku, place, delta in lines
        ]
        if told:
            given = {"lines": told, "reason": "count", "takeReserved": take}
            self.check("stockAdjust", given, self.model.adjust(lines, take=take))

    def count(self, product: str, place: str, on_hand: int, off: int | None, *, take: bool) -> None:
        expected = None if off is None else self.model.on_hand[product, place] + off
        line = {"product": {"sku": product}, "location": self.shop.places[place], "onHand": str(on_hand)}
        line |= {} if expected is None else {"expectedOnHand": str(expected)}
        refused = self.model.count(product, place, Decimal(on_hand), expected, take=take)
        self.check("stockSet", {"lines": [line], "reason": "count", "takeReserved": take}, refused)

    def transfer(self, lines: list[tuple[str, Decimal]], source: str, destination: str, *, take: bool) -> None:
        ends = {"source": self.shop.places[source], "destination": self.shop.places[destination]}
        expected = self.model.transfer(lines, source, destination, take=take)
        self.check("stockTransfer", ends | {"takeReserved": take} | {"lines": self.lines(lines)}, expected)


class Kind(NamedTuple):
    """A kind of command: how often it comes, what it takes, and what an order must allow for it to make sense."""

    name: str
    weight: int
    takes: dict[str, st.SearchStrategy[Any]]
    action: str | None = None


_SEEN = {"which": WHICH, "seen": SEEN}
KINDS = (
    Kind("create", 5, {"lines": LINES, "confirm": USUALLY, "waits": USUALLY, "warehouse": FROM}),
    Kind("confirm", 4, _SEEN | {"waits": USUALLY, "warehouse": FROM}, "CONFIRM"),
    Kind("update", 3, _SEEN | {"lines": LINES}, "UPDATE"),
    Kind("ship", 10, _SEEN | {"parts": LEAVES}, "SHIP"),
    Kind("cancel_shipment", 3, {"which": WHICH, "shipment": st.integers(0, 3)}, "UNSHIP"),
    Kind("cancel", 4, _SEEN | {"parts": PARTS}, "CANCEL"),
    Kind("take_back", 12, _SEEN | {"parts": st.lists(BACK, min_size=1, max_size=2)}, "RETURN"),
    Kind("reserve", 5, _SEEN | {"parts": TARGETS, "behind": USUALLY}, "CANCEL"),
    Kind(
        "adjust", 3, {"lines": st.lists(st.tuples(PRODUCTS, PLACES, DELTAS), min_size=1, max_size=3), "take": USUALLY}
    ),
    Kind(
        "adjust", 5, {"lines": st.lists(st.tuples(PRODUCTS, st.sampled_from(SOLD_FROM), FEW), min_size=1, max_size=1)}
    ),
    Kind(
        "count",
        2,
        {"product": PRODUCTS, "place": PLACES, "on_hand": st.sampled_from((0, 1, 2, 5)), "off": SEEN, "take": USUALLY},
    ),
    Kind(
        "transfer",
        3,
        {
            "lines": st.lists(st.tuples(PRODUCTS, FEW), min_size=1, max_size=2),
            "source": PLACES,
            "destination": PLACES,
            "take": USUALLY,
        },
    ),
)


def _told(order: Any) -> Row:
    names = ("quantity", *(f"{what}Quantity" for what in ("reserved", "shipped", "cancelled", "returned", "released")))
    lines = [(line["product"]["sku"], *(line[name] for name in names)) for line in order["lineItems"]["nodes"]]
    return order["status"], order["version"], lines, {*order["availableActions"]}, _shipments(order)


def _shipments(order: Any) -> list[tuple[str, list[tuple[int, str, str]]]]:
    """What left, by the numbers of shipments."""
    places = {line["id"]: index for index, line in enumerate(order["lineItems"]["nodes"])}
    nodes = sorted(order["shipments"]["nodes"], key=lambda node: int(node["number"].rpartition("-")[2]))
    return [
        (
            node["status"],
            sorted(
                (places[each["lineItem"]["id"]], each["location"]["code"], each["quantity"]) for each in node["lines"]
            ),
        )
        for node in nodes
    ]


def _known(order: Order) -> Row:
    shipments = [
        (
            "CANCELLED" if shipment.cancelled else "SHIPPED",
            sorted((index, place, decimal_text(quantity)) for index, place, quantity in shipment.parts),
        )
        for shipment in order.shipments
    ]
    return order.status, order.version, [_line(line) for line in order.lines], order.actions(), shipments


def _line(line: Line) -> tuple[str, ...]:
    quantities = (line.quantity, line.reserved, line.shipped, line.cancelled, line.returned, line.released)
    return (line.product, *map(decimal_text, quantities))


def _balances(levels: Sequence[Any]) -> dict[tuple[str, str], tuple[str, str]]:
    for level in levels:
        # Goods in quarantine are never promised to anyone, so none of them is available.
        free = Decimal(level["onHand"]) - Decimal(level["reserved"]) if level["location"]["code"] in SOLD_FROM else 0
        assert Decimal(level["available"]) == free
    return {
        (level["product"]["sku"], level["location"]["code"]): (level["onHand"], level["reserved"])
        for level in levels
        if level["onHand"] != "0"
    }
