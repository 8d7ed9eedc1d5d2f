"""The rules of stock and orders as ``docs/writing.md`` tells them, in plain Python, for one company.

It knows nothing of the services: what it says is what they must do. A command answers with the codes of its
refusal, and changes nothing then; or with none.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

from tests.support.stock_orders import ZERO, Line, Order, Part, Shipment

SOLD_FROM = ("DOCK", "RACK", "SHELF")
"""The places whose goods can be promised, by code."""
WAREHOUSES = {"SHELF": "NORTH", "RACK": "NORTH", "HOLD": "NORTH", "DOCK": "SOUTH"}


class Model:
    def __init__(self) -> None:
        self.on_hand: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.orders: list[Order] = []
        self.confirmed: list[Order] = []
        """By the time of confirmation."""
        self.clock = 0

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

    def serve(self, products: Iterable[str], *, with_released: bool = True) -> None:
        """Goods of these may have come: lines that wait get them, by the time since when they do."""
        names = set(products)
        queue = [
            (line.since or order.since, number, position, order, line)
            for number, order in enumerate(self.confirmed)
            for position, line in enumerate(order.lines)
            if order.status == "CONFIRMED" and (order.waits or line.released) and line.product in names
        ]
        wanted = [
            (order, line, line.waiting - (ZERO if with_released else line.released))
            for *_, order, line in sorted(queue, key=lambda each: each[:3])
        ]
        before = {id(line): line.reserved for _, line, _ in wanted}
        waiting = [each for each in wanted if each[2] > 0]
        for _, group in groupby(waiting, key=lambda each: id(each[0])):
            lines = list(group)
            self.hold([(line, quantity) for _, line, quantity in lines], lines[0][0].warehouse)
        for order in {id(order): order for order, line, _ in wanted if before[id(line)] != line.reserved}.values():
            order.version += 1
            order.cap()

    def reserve(self, order: Order, parts: Sequence[Part] | None, *, behind: bool, version: int | None) -> list[str]:
        if refused := order.refusal("UPDATE", version):
            return refused
        if order.status != "CONFIRMED":
            return ["INVALID_TRANSITION"]
        named = [index for index, _ in parts or ()]
        refused = ["INVALID_INPUT"] * (len(named) - len(set(named)))
        refused += order.too_much(parts or (), "unshipped", "INVALID_INPUT")
        if refused:
            return refused
        targets = dict(parts) if parts else {index: line.unshipped for index, line in enumerate(order.lines)}
        before = [(line.reserved, line.released) for line in order.lines]
        lines = [(order.lines[index], targets[index]) for index in sorted(targets)]
        dropped = [line for line, target in lines if line.reserved > target]
        for line, target in lines:
            line.taken(max(ZERO, line.reserved - target))
        self.hold([(line, target - line.reserved) for line, target in lines if line not in dropped], order.warehouse)
        for line, target in lines:
            line.released = line.unshipped - (target if order.waits else line.reserved)
        if before == [(line.reserved, line.released) for line in order.lines]:
            return []
        order.version += 1
        self.clock += 1
        for line in dropped:
            line.since = self.clock if behind else line.since
        self.serve([line.product for line in dropped], with_released=False)
        return []

    def _displace(self, product: str, place: str, missing: Decimal) -> set[int]:
        """Take goods from the lines that have them reserved, who came last first; the orders, by their ids."""
        holders = [
            (line.since or order.since, number, position, order, line)
            for number, order in enumerate(self.confirmed)
            for position, line in enumerate(order.lines)
            if line.product == product and line.held.get(place)
        ]
        taken = set()
        for *_, order, line in sorted(holders, key=lambda each: each[:3], reverse=True):
            part = min(missing, line.held[place])
            line.held[place] -= part
            line.released += ZERO if order.waits else part
            missing -= part
            taken |= {id(order)} if part else set()
        return taken

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
            self.clock += 1
            order.since = self.clock
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
        self.serve([order.lines[index].product for index, _, _ in owed])
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
        order.cap()
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
        freed: list[str] = []
        for index, quantity in parts or [(index, line.unshipped) for index, line in enumerate(order.lines)]:
            line = order.lines[index]
            held = line.reserved if order.status == "CONFIRMED" else ZERO
            freed += [line.product] if line.taken(min(held, max(ZERO, quantity - line.waiting))) else []
            line.cancelled += quantity
        order.settle()
        self.serve(freed)
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
        self.serve([lines[index].product for index, _, fate, _ in parts if fate == "RESTOCK"])
        return []

    # ------------------------------------------------------------ stock

    def adjust(self, lines: Sequence[tuple[str, str, Decimal]], *, take: bool = False) -> list[str]:
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for product, place, delta in lines:
            sums[product, place] += delta
        short = {spot for spot, delta in sums.items() if self._least(spot, take=take) + delta < 0}
        refused = [delta for product, place, delta in lines if delta < 0 and (product, place) in short]
        if not refused:
            came = [product for product, place, delta in lines if delta > 0 and place in SOLD_FROM]
            self._change(sums, came)
        return ["INSUFFICIENT_STOCK"] * len(refused)

    def _least(self, spot: tuple[str, str], *, take: bool) -> Decimal:
        """How many may leave."""
        return self.on_hand[spot] if take else self.available(*spot)

    def _change(self, sums: dict[tuple[str, str], Decimal], came: Sequence[str]) -> None:
        """Change balances, take what is missing then from those that have it reserved, and serve those that wait."""
        lost = {spot: -(self.available(*spot) + delta) for spot, delta in sums.items()}
        touched: set[int] = set()
        for spot, missing in lost.items():
            touched |= self._displace(*spot, missing) if missing > 0 else set()
        for order in self.confirmed:
            order.version += id(order) in touched
        for spot, delta in sums.items():
            self.on_hand[spot] += delta
        self.serve([*came, *(product for (product, _), missing in lost.items() if missing > 0)])

    def count(
        self, product: str, place: str, on_hand: Decimal, expected: Decimal | None, *, take: bool = False
    ) -> list[str]:
        there = self.on_hand[product, place]
        stale = ["STALE_STOCK"] if expected not in (None, there) else []
        least = ZERO if take else self.reserved(product, place)
        refused = stale + (["INSUFFICIENT_STOCK"] if on_hand < least else [])
        if not refused:
            came = [product] if on_hand > there and place in SOLD_FROM else []
            self._change({(product, place): on_hand - there}, came)
        return refused

    def transfer(
        self, lines: Sequence[tuple[str, Decimal]], source: str, destination: str, *, take: bool = False
    ) -> list[str]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for product, quantity in lines:
            sums[product] += quantity
        refused = ["INVALID_INPUT"] if source == destination else []
        refused += [
            "INSUFFICIENT_STOCK" for product, _ in lines if sums[product] > self._least((product, source), take=take)
        ]
        if not refused:
            moved = {(product, source): -quantity for product, quantity in sums.items()}
            moved |= {(product, destination): quantity for product, quantity in sums.items()}
            self._change(moved, list(sums) if destination in SOLD_FROM else [])
        return refused
