"""The rules of stock and orders as ``docs/writing.md`` tells them, in plain Python, for one company.

It knows nothing of the services: what it says is what they must do. A command answers with the codes of its
refusal, and changes nothing then; or with none.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
SOLD_FROM = ("DOCK", "RACK", "SHELF")
"""The places whose goods can be promised, by code."""
WAREHOUSES = {"SHELF": "NORTH", "RACK": "NORTH", "HOLD": "NORTH", "DOCK": "SOUTH"}

Part = tuple[int, Decimal]
"""So much of the line at this index."""


@dataclass(eq=False)
class Line:
    product: str
    quantity: Decimal
    held: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO
    left_from: str | None = None

    @property
    def reserved(self) -> Decimal:
        return sum(self.held.values(), ZERO)

    @property
    def unshipped(self) -> Decimal:
        return self.quantity - self.shipped - self.cancelled

    @property
    def waiting(self) -> Decimal:
        return self.unshipped - self.reserved

    @property
    def returnable(self) -> Decimal:
        return self.shipped - self.returned

    def taken(self, quantity: Decimal) -> list[tuple[str, Decimal]]:
        """Let go of so much of what is held: from which places, by their codes."""
        parts = []
        for place in sorted(self.held):
            part = min(quantity, self.held[place])
            self.held[place] -= part
            quantity -= part
            parts.append((place, part))
        return [(place, part) for place, part in parts if part]


@dataclass(eq=False)
class Shipment:
    """What left, as (index of the line, place, quantity)."""

    parts: list[tuple[int, str, Decimal]]
    cancelled: bool = False


@dataclass(eq=False)
class Order:
    lines: list[Line]
    shipments: list[Shipment] = field(default_factory=list)
    status: str = "DRAFT"
    version: int = 1
    waits: bool = False
    warehouse: str | None = None

    def actions(self) -> set[str]:
        """What can be done with it now."""
        if self.status == "DRAFT":
            return {"UPDATE", "CONFIRM", "CANCEL"}
        found = {"UPDATE", "CANCEL"} if self.status == "CONFIRMED" else set()
        found |= {"SHIP"} if any(line.reserved for line in self.lines) else set()
        return found | ({"RETURN"} if any(line.returnable for line in self.lines) else set())

    def refusal(self, action: str, version: int | None) -> list[str]:
        if version not in (None, self.version):
            return ["VERSION_CONFLICT"]
        return [] if action in self.actions() else ["INVALID_TRANSITION"]

    def too_much(self, parts: Iterable[Part], most: str, code: str) -> list[str]:
        """A problem for each part with which more is wanted of a line than its ``most`` says."""
        sums: dict[int, Decimal] = defaultdict(Decimal)
        problems = []
        for index, quantity in parts:
            sums[index] += quantity
            problems += [code] if sums[index] > getattr(self.lines[index], most) else []
        return problems

    def settle(self) -> None:
        """The end of what was done to it: nothing is left to ship, or something is."""
        self.version += 1
        if not any(line.unshipped for line in self.lines):
            self.status = "CLOSED" if any(line.shipped for line in self.lines) else "CANCELLED"


class Model:
    def __init__(self) -> None:
        self.on_hand: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.orders: list[Order] = []
        self.confirmed: list[Order] = []
        """By the time of confirmation."""

    # ------------------------------------------------------------ promises

    def reserved(self, product: str, place: str) -> Decimal:
        lines = (line for order in self.orders for line in order.lines if line.product == product)
        return sum((line.held.get(place, ZERO) for line in lines), ZERO)

    def available(self, product: str, place: str) -> Decimal:
        return self.on_hand[product, place] - self.reserved(product, place)

    def hold(self, wanted: Iterable[tuple[Line, Decimal]], warehouse: str | None) -> None:
        """Reserve as much as there is, from one warehouse if one has all of it, line by line, from the place that has most."""
        places = [place for place in SOLD_FROM if warehouse in (None, WAREHOUSES[place])]
        wanted = list(wanted)
        chosen = self._one_house(wanted, places)
        for line, quantity in wanted:
            left = quantity
            free = {place: self.available(line.product, place) for place in places}
            for place in sorted(places, key=lambda each: (chosen not in (None, WAREHOUSES[each]), -free[each])):
                part = min(left, free[place])
                line.held[place] += part
                left -= part

    def _one_house(self, wanted: Sequence[tuple[Line, Decimal]], places: Sequence[str]) -> str | None:
        """The better one of those that have as much of everything as all have together."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line, quantity in wanted:
            sums[line.product] += quantity
        free = {(product, place): self.available(product, place) for product in sums for place in places}
        merits = {}
        for house in {WAREHOUSES[place] for place in places}:
            mine = [place for place in places if WAREHOUSES[place] == house]
            pieces, most = 0, ZERO
            for product, quantity in sums.items():
                amounts = sorted((free[product, place] for place in mine), reverse=True)
                owed = min(quantity, sum((free[product, place] for place in places), ZERO))
                if sum(amounts) < owed:
                    break
                most += amounts[0]
                pieces += next(count for count in range(len(amounts) + 1) if sum(amounts[:count]) >= owed)
            else:
                stocked = [place for place in mine if any(free[product, place] for product in sums)]
                merits[house] = (pieces, -most, min(stocked, default=""))
        return min(merits, key=merits.__getitem__) if merits else None

    def serve(self) -> None:
        """Goods may have come: who waits gets them, by the time of confirmation."""
        for order in self.confirmed:
            if order.status == "CONFIRMED" and order.waits:
                before = [line.reserved for line in order.lines]
                self.hold([(line, line.waiting) for line in order.lines], order.warehouse)
                order.version += before != [line.reserved for line in order.lines]

    # ------------------------------------------------------------ orders

    def create(
        self, lines: Sequence[tuple[str, Decimal]], *, confirm: bool, waits: bool, warehouse: str | None
    ) -> list[str]:
        order = Order([Line(*each) for each in lines], waits=waits, warehouse=warehouse)
        self.orders.append(order)
        short = self._promise(order) if confirm else []
        if short:
            self.orders.remove(order)
        return ["INSUFFICIENT_STOCK"] * len(short)

    def confirm(self, order: Order, *, waits: bool, warehouse: str | None, version: int | None) -> list[str]:
        if refused := order.refusal("CONFIRM", version):
            return refused
        before = (order.waits, order.warehouse)
        order.waits, order.warehouse = waits or order.waits, warehouse or order.warehouse
        short = self._promise(order)
        if short:
            order.waits, order.warehouse = before
        return ["INSUFFICIENT_STOCK"] * len({line.product for line in short})

    def _promise(self, order: Order) -> list[Line]:
        """Confirm an order; the lines that lack something and may not wait, if so."""
        self.hold([(line, line.quantity) for line in order.lines], order.warehouse)
        short = [line for line in order.lines if line.waiting and not order.waits]
        if short:
            for line in order.lines:
                line.held.clear()
        else:
            order.status = "CONFIRMED"
            order.version += 1
            self.confirmed.append(order)
        return short

    def update(self, order: Order, lines: Sequence[tuple[str, Decimal]], *, version: int | None) -> list[str]:
        refused = order.refusal("UPDATE", version)
        if refused or order.status != "DRAFT":
            return refused or ["INVALID_TRANSITION"]
        order.lines = [Line(*each) for each in lines]
        order.version += 1
        return []

    def ship(
        self, order: Order, parts: Sequence[tuple[int, Decimal, str | None]] | None, *, version: int | None
    ) -> list[str]:
        if refused := order.refusal("SHIP", version):
            return refused
        refused = order.too_much(
            [(index, quantity) for index, quantity, _ in parts or ()], "reserved", "INSUFFICIENT_STOCK"
        )
        for _, _, place in parts or ():
            elsewhere = place and (place not in SOLD_FROM or order.warehouse not in (None, WAREHOUSES[place]))
            refused += ["INVALID_INPUT"] if elsewhere else []
        if refused:
            return refused
        picks = parts or [(index, line.reserved, None) for index, line in enumerate(order.lines)]
        return self._leave(order, sorted(picks, key=lambda pick: pick[2] is None))

    def _leave(self, order: Order, picks: Sequence[tuple[int, Decimal, str | None]]) -> list[str]:
        """What is named leaves from there: held for the line, or else available, for which the line lets go of others."""
        held = [dict(line.held) for line in order.lines]
        gone: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        owed = self._held_there(held, picks, gone)
        freed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for index, quantity, _ in owed:
            rest = quantity
            for place in sorted(held[index], reverse=True):
                part = min(rest, held[index][place])
                held[index][place] -= part
                freed[order.lines[index].product, place] += part
                rest -= part
        short = []
        for index, quantity, place in owed:
            product = order.lines[index].product
            free = self.available(product, place) + freed[product, place]
            short += ["INSUFFICIENT_STOCK"] if quantity > free else []
            freed[product, place] -= min(quantity, free)
            gone[index, place] += quantity
        if short:
            return short
        left = [(index, place, part) for (index, place), part in gone.items() if part]
        for index, place, part in sorted(left, key=lambda each: each[0]):
            line = order.lines[index]
            self.on_hand[line.product, place] -= part
            line.shipped += part
            line.left_from = place
        for line, kept in zip(order.lines, held, strict=True):
            line.held.update(kept)
        order.shipments.append(Shipment(left))
        order.settle()
        if owed:
            self.serve()
        return []

    def _held_there(
        self,
        held: list[dict[str, Decimal]],
        picks: Sequence[tuple[int, Decimal, str | None]],
        gone: dict[tuple[int, str], Decimal],
    ) -> list[tuple[int, Decimal, str]]:
        """Take what is held where it is wanted; what is still owed is the result."""
        owed = []
        for index, quantity, wanted in picks:
            rest = quantity
            for place in [wanted] if wanted else sorted(held[index]):
                part = min(rest, held[index].get(place, ZERO))
                held[index][place] = held[index].get(place, ZERO) - part
                gone[index, place] += part
                rest -= part
            if rest:
                owed.append((index, rest, str(wanted)))
        return owed

    def cancel_shipment(self, order: Order, which: int) -> list[str]:
        shipment = order.shipments[which]
        sums: dict[int, Decimal] = defaultdict(Decimal)
        for index, _, quantity in shipment.parts:
            sums[index] += quantity
        if shipment.cancelled:
            return ["INVALID_TRANSITION"]
        back = [index for index, quantity in sums.items() if quantity > order.lines[index].returnable]
        if back:
            return ["INVALID_TRANSITION"] * len(back)
        for index, place, quantity in shipment.parts:
            line = order.lines[index]
            self.on_hand[line.product, place] += quantity
            line.held[place] += quantity
            line.shipped -= quantity
        shipment.cancelled = True
        order.status = "CONFIRMED"
        order.version += 1
        return []

    def cancel(self, order: Order, parts: Sequence[Part] | None, *, version: int | None) -> list[str]:
        refused = order.refusal("CANCEL", version)
        if not refused and parts:
            draft = order.status == "DRAFT"
            refused = ["INVALID_INPUT"] if draft else order.too_much(parts, "unshipped", "INVALID_INPUT")
        if refused:
            return refused
        for index, quantity in parts or [(index, line.unshipped) for index, line in enumerate(order.lines)]:
            line = order.lines[index]
            held = line.reserved if order.status == "CONFIRMED" else ZERO
            line.taken(min(held, max(ZERO, quantity - line.waiting)))
            line.cancelled += quantity
        order.settle()
        self.serve()
        return []

    def take_back(
        self, order: Order, parts: Sequence[tuple[int, Decimal, str, str | None]], *, version: int | None
    ) -> list[str]:
        if refused := order.refusal("RETURN", version):
            return refused
        lines = order.lines
        refused = order.too_much([(index, quantity) for index, quantity, _, _ in parts], "returnable", "INVALID_INPUT")
        kinds = {"RESTOCK": SOLD_FROM, "QUARANTINE": ("HOLD",), "SCRAP": ("LOSS",)}
        usual = {"QUARANTINE": "HOLD", "SCRAP": "LOSS"}
        goes = [place or usual.get(fate) or lines[index].left_from for index, _, fate, place in parts]
        for (_, _, fate, _), there in zip(parts, goes, strict=True):
            refused += ["INVALID_INPUT"] if there not in kinds[fate] else []
        if refused:
            return refused
        for (index, quantity, _, _), there in zip(parts, goes, strict=True):
            lines[index].returned += quantity
            self.on_hand[lines[index].product, str(there)] += quantity
        order.version += 1
        self.serve()
        return []

    # ------------------------------------------------------------ stock

    def adjust(self, lines: Sequence[tuple[str, str, Decimal]]) -> list[str]:
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for product, place, delta in lines:
            sums[product, place] += delta
        short = {spot for spot, delta in sums.items() if self.available(*spot) + delta < 0}
        refused = [delta for product, place, delta in lines if delta < 0 and (product, place) in short]
        if not refused:
            for spot, delta in sums.items():
                self.on_hand[spot] += delta
            self.serve()
        return ["INSUFFICIENT_STOCK"] * len(refused)

    def count(self, product: str, place: str, on_hand: Decimal, expected: Decimal | None) -> list[str]:
        there = self.on_hand[product, place]
        stale = ["STALE_STOCK"] if expected not in (None, there) else []
        refused = stale + (["INSUFFICIENT_STOCK"] if on_hand < self.reserved(product, place) else [])
        if not refused:
            self.on_hand[product, place] = on_hand
            self.serve()
        return refused

    def transfer(self, lines: Sequence[tuple[str, Decimal]], source: str, destination: str) -> list[str]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for product, quantity in lines:
            sums[product] += quantity
        refused = ["INVALID_INPUT"] if source == destination else []
        refused += ["INSUFFICIENT_STOCK" for product, _ in lines if sums[product] > self.available(product, source)]
        if not refused:
            for product, quantity in lines:
                self.on_hand[product, source] -= quantity
                self.on_hand[product, destination] += quantity
            self.serve()
        return refused
