"""Random commands about lots, serial numbers and baskets: after each the books are right, and what was promised and sent might be.

The model of ``stock_machine`` knows what each command must leave of goods that aren't tracked. Here the rules are properties: they
hold whichever lots are chosen.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk
from tests.support.invariants import broken

PLACES = {"SHELF": "NORTH", "RACK": "NORTH", "DOCK": "SOUTH"}
CODES = ("A", "B", "C")
DAYS = (-1, 3, 30, None)
"""Last days of new lots, from today: expired, soon, later, never."""

_SPOTS = """
    SELECT p.sku, o.code AS lot, l.code AS place, s.on_hand, s.reserved, o.expires_on,
           l.kind = 'INTERNAL' AND NOT o.blocked AND (o.expires_on IS NULL OR o.expires_on >= now()::date) AS sellable
    FROM stock_levels s JOIN products p ON p.id = s.product_id JOIN lots o ON o.id = s.lot_id
    JOIN locations l ON l.id = s.location_id WHERE s.tenant_id = $1
"""
_SENT = """
    SELECT s.id, o.code, p.sku FROM shipment_lines s JOIN lots o ON o.id = s.lot_id JOIN products p ON p.id = o.product_id
    WHERE s.tenant_id = $1
"""
_STOCK = "query ($sku: String!) { product(by: {sku: $sku}) { stock { onHand available expired } } }"

Key = tuple[str, str, str]


class Spot(NamedTuple):
    """A balance of a lot, as the tables have it. It can be sold where its location, its day and its lot allow it."""

    on_hand: Decimal
    reserved: Decimal
    day: Any
    sellable: bool

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.reserved if self.sellable else Decimal()


class LotMachine(RuleBasedStateMachine):
    """A cheese that is tracked by lots, and a scale by serial numbers. ``seen`` counts what became of the commands."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    desk: ClassVar[Desk]
    seen: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.shop: Clerk = self.loop.run_until_complete(self.desk.open(timezone="UTC"))
        self.orders: list[str] = []
        self.spots: dict[Key, Spot] = {}
        self.sent: set[Any] = set()

    # ------------------------------------------------------------ a step

    def send(self, field: str, given: Mapping[str, Any]) -> Any:
        """Send a command; what it made, or None where it was refused. The books are right then, and so is what was promised."""
        return self.loop.run_until_complete(self._send(field, given))

    async def _send(self, field: str, given: Mapping[str, Any]) -> Any:
        payload = await self.shop.payload(field, given)
        problems = payload.pop("userErrors")
        for code in {each["code"] for each in problems} or {"done"}:
            self.seen[field, code] += 1
        before, self.spots = self.spots, await self._now()
        assert await broken(self.desk.admin, self.shop.tenant) == []
        if problems:
            assert self.spots == before
        grown = [
            key for key, spot in self.spots.items() if spot.reserved > (before[key].reserved if key in before else 0)
        ]
        if field != "shipmentCancel":  # which gives goods back to those who had them
            assert all(self.spots[key].sellable for key in grown), "promised what may not be sold"
        if field == "orderCreate" and "hold" not in given:
            self._first_expired(grown)
        await self._reads()
        await self._sendable()
        return None if problems else payload

    async def _now(self) -> dict[Key, Spot]:
        rows = await self.desk.admin.fetch(_SPOTS, self.shop.tenant)
        return {
            (row[0], row[1], row[2]): Spot(row["on_hand"], row["reserved"], row["expires_on"], row["sellable"])
            for row in rows
        }

    def _first_expired(self, grown: list[Key]) -> None:
        """Of what was promised nothing expires later than what is left in the same warehouse."""
        for sku, lot, place in grown:
            day = self.spots[sku, lot, place].day
            for (other, _, where), spot in self.spots.items():
                earlier = spot.day is not None and (day is None or spot.day < day)
                if other == sku and PLACES.get(where) == PLACES[place] and earlier:
                    assert spot.available == 0, "passed over what expires first"

    async def _reads(self) -> None:
        """What the graph says is available is what the tables have."""
        for sku in ("CHEESE", "SCALE"):
            stock = (await self.shop.ask(_STOCK, {"sku": sku})).data["product"]["stock"]
            mine = [spot for (other, _, place), spot in self.spots.items() if other == sku and place in PLACES]
            assert Decimal(stock["onHand"]) == sum((spot.on_hand for spot in mine), Decimal())
            assert Decimal(stock["available"]) == self.available(sku)
            assert Decimal(stock["expired"]) == sum((spot.on_hand for spot in mine if not spot.sellable), Decimal())

    async def _sendable(self) -> None:
        """What left just now might be sold."""
        rows = {tuple(row) for row in await self.desk.admin.fetch(_SENT, self.shop.tenant)}
        for _, lot, sku in rows - self.sent:
            assert any(spot.sellable for (other, code, _), spot in self.spots.items() if (other, code) == (sku, lot))
        self.sent = rows

    def available(self, sku: str) -> Decimal:
        return sum((spot.available for (other, _, _), spot in self.spots.items() if other == sku), Decimal())

    # ------------------------------------------------------------ commands

    @initialize(day=st.sampled_from(DAYS), blocked=st.booleans())
    def opened(self, *, day: int | None, blocked: bool) -> None:
        """Of two lots on one shelf there is more of the one that expires later; an order is sent, and another waits to be: from
        the first lot, which is blocked or not.
        """
        self.loop.run_until_complete(self.shop.product(sku="CHEESE", tracking="LOT"))
        self.loop.run_until_complete(self.shop.product(sku="SCALE", tracking="SERIAL"))
        for code, place, delta, last in (("A", "SHELF", "3", 3), ("B", "SHELF", "5", 30), ("C", "DOCK", "3", day)):
            self.book("CHEESE", code, place, delta, last)
            self.book("SCALE", code, place, "1", last)
        for _ in range(2):
            self.order(sku="CHEESE", quantity=2, waits=False)
        self.ship(1, None)
        if blocked:
            query = "{ lots { nodes { id code product { sku } } } }"
            nodes = self.loop.run_until_complete(self.shop.ask(query)).data["lots"]["nodes"]
            [first] = [each["id"] for each in nodes if (each["code"], each["product"]["sku"]) == ("A", "CHEESE")]
            self.send("lotUpdate", {"lot": first, "blocked": True})
            self.ship(0, "A")

    def book(self, sku: str, code: str, place: str, delta: str, day: int | None = None, *, take: bool = False) -> None:
        last = None if day is None else (datetime.now(UTC).date() + timedelta(day)).isoformat()
        line = {"product": {"sku": sku}, "location": self.shop.places[place], "delta": delta, "lot": code}
        given = {"lines": [line | ({"expiresOn": last} if last else {})], "reason": "count", "takeReserved": take}
        self.send("stockAdjust", given)

    @rule(
        sku=st.sampled_from(("CHEESE", "CHEESE", "SCALE")),
        code=st.sampled_from(CODES),
        place=st.sampled_from(sorted(PLACES)),
        delta=st.sampled_from(("1", "1", "-1", "-2", "0.5")),
        take=st.booleans(),
    )
    def counted(self, *, sku: str, code: str, place: str, delta: str, take: bool) -> None:
        self.book(sku, code, place, delta, take=take)

    @rule(sku=st.sampled_from(("CHEESE", "CHEESE", "SCALE")), quantity=st.integers(1, 4), waits=st.booleans())
    def order(self, *, sku: str, quantity: int, waits: bool) -> None:
        there = self.available(sku)
        line = [{"product": {"sku": sku}, "quantity": str(quantity)}]
        made = self.send("orderCreate", self.shop.ordering(line, confirm=True, allowBackorder=waits))
        assert (made is not None) == (waits or quantity <= there)
        if made:
            [item] = lines(made["order"])
            assert Decimal(item["reservedQuantity"]) == min(quantity, there)
            self.orders.append(made["order"]["id"])

    @rule(quantity=st.integers(0, 4), basket=st.sampled_from(("one", "two")))
    def hold(self, quantity: int, basket: str) -> None:
        line = [{"product": {"sku": "CHEESE"}, "quantity": str(quantity)}] if quantity else []
        self.send("stockHold", {"reference": basket, "lines": line})

    @rule(which=st.integers(0, 3), lot=st.sampled_from((None, None, *CODES)))
    def ship(self, which: int, lot: str | None) -> None:
        if not self.orders:
            return
        found = self.orders[-1 - which % len(self.orders)]
        given: dict[str, Any] = {"order": {"id": found}}
        if lot:
            [item] = lines(self.loop.run_until_complete(self.shop.again({"id": found})))
            given["lineItems"] = [
                {"lineItem": item["id"], "quantity": "1", "lots": [{"lot": lot, "quantity": "1"}]},
            ]
        self.send("orderShip", given)

    @rule(which=st.integers(0, 3))
    def unship(self, which: int) -> None:
        query = "{ shipments(first: 9, where: {status: {eq: SHIPPED}}) { nodes { id } } }"
        nodes = self.loop.run_until_complete(self.shop.ask(query)).data["shipments"]["nodes"]
        if nodes:
            self.send("shipmentCancel", {"shipment": nodes[which % len(nodes)]["id"]})

    @rule(which=st.integers(0, 3))
    def cancel(self, which: int) -> None:
        if self.orders:
            self.send("orderCancel", {"order": {"id": self.orders[-1 - which % len(self.orders)]}})

    @rule(
        which=st.integers(0, 3),
        change=st.sampled_from(({"blocked": True}, {"blocked": True}, {"blocked": False}, {"expiresOn": None})),
    )
    def change_lot(self, which: int, change: dict[str, Any]) -> None:
        query = '{ lots(where: {onHand: {gt: "0"}}) { nodes { id } } }'
        nodes = self.loop.run_until_complete(self.shop.ask(query)).data["lots"]["nodes"]
        if nodes:
            self.send("lotUpdate", {"lot": nodes[which % len(nodes)]["id"], **change})
