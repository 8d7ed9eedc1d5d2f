"""The orders: two years of them, each in the state that its age makes likely, with what it did to stock."""

from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from core.money import digits, round_total
from services.demo.catalog import Item, popularity
from services.demo.companies import Company, Scale
from services.demo.ledger import ZERO, Ledger, Level, Row
from services.demo.partners import Customer
from services.demo.seed import DAY, FIRST_ORDER, HOUR, TODAY, Seed, T, moment
from services.demo.taxes import SINCE, Taxes, Terms, shelf
from services.demo.words import NOTES

ORDER_COLUMNS = (
    *("tenant_id", "id", "number", "status", "customer_id", "currency", "subtotal", "placed_at"),
    *("external_id", "note", "allow_backorder", "confirmed_at", "version", "created_at", "updated_at"),
    *("tax_total", "prices_include_tax", "price_list_id"),
)
LINE_COLUMNS = (
    *("tenant_id", "id", "order_id", "customer_id", "position", "product_id", "description", "quantity"),
    *("currency", "unit_price", "total", "reserved", "shipped", "cancelled", "returned", "created_at"),
    *("tax_id", "net"),
)

SHIPMENT_COLUMNS = (
    *("tenant_id", "id", "number", "order_id", "customer_id", "carrier", "tracking_number"),
    *("shipped_at", "created_at", "updated_at"),
)
SHIPMENT_LINE_COLUMNS = (
    *("tenant_id", "shipment_id", "customer_id", "position", "id", "line_item_id", "location_id"),
    *("quantity", "created_at"),
)

CHUNK = 1_000
"""Orders made at a time: what of a large set is in memory."""

EXEMPT = 5
"""So many orders before the last one is one whose last line is exempt from tax."""

PAIR = 16
"""Line items of two orders in a row: eight on average, over any even number of orders exactly."""

RATES = {"JP": ("JPY", Decimal(190))} | dict.fromkeys(
    ("AT", "DE", "ES", "FR", "GR", "IT", "NL"), ("EUR", Decimal("1.17"))
)
"""Which customers of a wholesaler are billed in their own currency, and at what rate."""


CARRIERS = ("Larch Freight", "Northway Parcel", "Quill Express", None)
"""Invented ones, of whom some take the goods; nobody says that of the rest."""


class Chunk(NamedTuple):
    """Rows that are stored together: orders, their line items, what left for them, and what they did to stock."""

    orders: list[Row]
    lines: list[Row]
    shipments: list[Row]
    shipment_lines: list[Row]
    moves: list[Row]
    reservations: list[Row]


class Progress(NamedTuple):
    """How far a line has come."""

    reserved: Decimal = ZERO
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO


@dataclass(slots=True)
class Order:
    """An order while its lines are made. ``version`` and ``touched`` follow what happens to them."""

    id: str
    customer: str
    status: str
    placed: int
    shipped: int
    in_parts: bool
    currency: str
    rate: Decimal
    version: int
    touched: int
    terms: Terms | None
    """How its customer is taxed; None before orders bore taxes."""

    def happened(self, version: int, at: int) -> None:
        self.version, self.touched = max(self.version, version), max(self.touched, at)


class Sales:
    """A company's orders in the order of their time."""

    def __init__(
        self,
        company: Company,
        scale: Scale,
        seed: Seed,
        ledger: Ledger,
        items: list[Item],
        customers: list[Customer],
        rates: Taxes,
    ) -> None:
        self._company, self._count, self._seed, self._ledger = company, scale.orders, seed, ledger
        self._items, self._item_weights = items, popularity(len(items), floor=30)
        self._customers, self._customer_weights = customers, popularity(len(customers), floor=20)
        self._rates, self._numbers = rates, Counter[int]()
        self._size = 0
        self._shipments, self._shipment_lines = list[Row](), list[Row]()

    def chunks(self) -> Iterator[Chunk]:
        """All orders, CHUNK at a time."""
        for start in range(0, self._count, CHUNK):
            orders, lines = list[Row](), list[Row]()
            for index in range(start, min(start + CHUNK, self._count)):
                orders.append(self._order(index, lines))
            yield Chunk(orders, lines, self._shipments, self._shipment_lines, *self._ledger.drain())
            self._shipments, self._shipment_lines = [], []

    def _order(self, index: int, lines: list[Row]) -> Row:
        """Make an order: its lines are added to ``lines``, its row is the result."""
        seed, tenant = self._seed, self._ledger.tenant
        span = TODAY - DAY // 2 - FIRST_ORDER
        placed = FIRST_ORDER + int(span * (index + seed.random()) / self._count)
        customer = _pick(self._customers, self._customer_weights, seed)
        abroad = None if self._company.retail else RATES.get(customer.country)
        currency, rate = abroad or (self._company.currency, Decimal(1))
        status = _status(index / self._count, seed)
        order = Order(
            id=seed.id(placed),
            customer=customer.id,
            status=status,
            placed=placed,
            shipped=placed + seed.between(6 * HOUR, 4 * DAY),
            in_parts=seed.chance(0.1 if status == "CLOSED" else 0.5),
            currency=currency,
            rate=rate,
            version=1 if status == "DRAFT" else 2,
            touched=placed if status == "DRAFT" else placed + seed.below(2 * HOUR),
            terms=customer.terms if placed >= SINCE else None,
        )
        confirmed = None if status == "DRAFT" else moment(order.touched)
        (subtotal, *taxed), number = self._lines(order, index, lines), self._number(placed)
        self._ship(order, number)
        return (
            *(tenant, order.id, number, status, customer.id, currency, subtotal, moment(placed)),
            *(
                f"WEB-{2_000_000 + 7 * index}" if seed.chance(0.3) else None,
                seed.among(NOTES) if seed.chance(0.08) else None,
            ),
            # All may wait for goods, as some lines of products that are sold out do.
            *(True, confirmed, order.version, moment(placed), moment(order.touched), *taxed),
        )

    def _ship(self, order: Order, number: str) -> None:
        """Tell of what left for an order: what left at one time is one shipment, with the id of its first move."""
        tenant = self._ledger.tenant
        for count, (at, left) in enumerate(self._ledger.departed(), start=1):
            shipment, when = str(left[0][0]), moment(at)
            luck = int(shipment[-12:], 16)
            carrier = CARRIERS[luck % len(CARRIERS)]
            tracking = carrier and f"{carrier[:2].upper()}{luck % 10**10:010}"
            whose = (f"{number}-{count}", order.id, order.customer)
            self._shipments.append((tenant, shipment, *whose, carrier, tracking, when, when, when))
            self._shipment_lines += [
                (tenant, shipment, order.customer, position, *each, when) for position, each in enumerate(left, start=1)
            ]

    def _lines(self, order: Order, index: int, lines: list[Row]) -> Row:
        """Make an order's lines. The result is what they come to: their sum before tax and the tax, whether prices include it, and
        the list that they are of.
        """
        seed, made = self._seed, moment(order.placed)
        self._size = 1 + seed.below(8) + seed.below(8) if index % 2 == 0 else PAIR - self._size
        new, totals = list[Row](), list[tuple[str, Decimal]]()
        for position, item in enumerate(self._basket(self._size, old=index < 0.9 * self._count), start=1):
            line = seed.id(order.placed, position)
            quantity, price = seed.among(item.quantities), self._price(order, item)
            total = round_total(quantity * price, order.currency)
            progress = self._progress(order, item, line, quantity, first=position == 1)
            totals.append((item.tax, total))
            new.append(
                (
                    *(self._ledger.tenant, line, order.id, order.customer, position, item.id, item.name, quantity),
                    *(order.currency, price, total, *progress, made),
                )
            )
        if order.terms is None:
            lines += [(*line, None, None) for line in new]
            return sum((total for _, total in totals), ZERO), ZERO, False, None
        exempt = self._count - index == EXEMPT
        taxes, worth = self._rates.worth(totals, order.terms, order.currency, exempt=exempt)
        nets = [None if net == total else net for net, (_, total) in zip(worth.nets, totals, strict=True)]
        lines += [(*line, tax.id, net) for line, tax, net in zip(new, taxes, nets, strict=True)]
        by = self._rates.ids.get(order.terms.price_list or "")
        return worth.subtotal, worth.tax_total, order.terms.gross, by

    def _basket(self, size: int, *, old: bool) -> list[Item]:
        """Different products; what is no longer sold is only in old orders."""
        basket: dict[str, Item] = {}
        while len(basket) < size:
            item = _pick(self._items, self._item_weights, self._seed)
            if old or item.active:
                basket[item.id] = item
        return list(basket.values())

    def _price(self, order: Order, item: Item) -> Decimal:
        """The list price, in the order's currency and with tax where its prices include that, one in ten with a discount."""
        discounted, price = self._seed.chance(0.1), item.price
        if order.terms and order.terms.gross:
            price = shelf(price, self._rates.borne[item.tax].kind.rate)
        if order.rate == 1 and not discounted:
            return price
        price = price * order.rate * Decimal("0.9" if discounted else 1)
        return price.quantize(Decimal(1).scaleb(-digits(order.currency)))

    def _number(self, placed: int) -> str:
        year = datetime.fromtimestamp(placed, UTC).year
        self._numbers[year] += 1
        return f"SO-{year}-{self._numbers[year]:06}"

    def _progress(self, order: Order, item: Item, line: str, quantity: Decimal, *, first: bool) -> Progress:
        match order.status:
            case "CLOSED":
                return self._closed(order, item, line, quantity)
            case "CONFIRMED":
                return self._confirmed(order, item, line, quantity, first=first)
            case "CANCELLED":
                order.happened(3, order.placed + DAY)
                return Progress(cancelled=quantity)
            case _:
                return Progress()

    def _confirmed(self, order: Order, item: Item, line: str, quantity: Decimal, *, first: bool) -> Progress:
        """Reserved where there is stock. In parts: half of the lines have left, never the first."""
        level = self._seed.among(item.levels)
        there = quantity // 2 if item.short else quantity
        if not there:
            return Progress()
        if order.in_parts and not first and order.shipped < TODAY and self._seed.chance(0.5):
            self._ledger.ship(level, there, order.shipped, line)
            order.happened(3, order.shipped)
            return Progress(shipped=there)
        self._ledger.reserve(level, there, order.touched, line)
        return Progress(reserved=there)

    def _closed(self, order: Order, item: Item, line: str, quantity: Decimal) -> Progress:
        """Shipped; in parts: the half first, the rest days later; one in thirty came back, whole or half."""
        level = self._seed.among(item.levels)
        half = quantity // 2 if order.in_parts else ZERO
        if half:
            later = order.shipped + 2 * DAY
            self._ledger.ship(level, half, order.shipped, line)
            self._ledger.ship(self._seed.among(item.levels), quantity - half, later, line)
            order.happened(4, later)
        else:
            self._ledger.ship(level, quantity, order.shipped, line)
            order.happened(3, order.shipped)
        at = order.touched + self._seed.between(4 * DAY, 25 * DAY)
        if at >= TODAY or not self._seed.chance(1 / 30):
            return Progress(shipped=quantity)
        back = quantity // 2 or quantity
        order.happened(order.version + 1, at)
        self._return(item, level, back, at, line)
        return Progress(shipped=quantity, returned=back)

    def _return(self, item: Item, level: Level, quantity: Decimal, at: int, line: str) -> None:
        """What is sold out never comes back into stock, or what waits for it would have been served."""
        luck = self._seed.random()
        if luck < 0.1:
            self._ledger.scrap(level, quantity, at, line)
        elif item.inspected or item.short:
            self._ledger.quarantine(level, quantity, at, line)
        else:
            self._ledger.restock(level, quantity, at, line)


def _status(age: float, seed: Seed) -> str:
    """The state of an order by its place in time: 0 for the oldest, 1 for the newest."""
    luck = seed.random()
    if age >= 0.98:
        return "DRAFT" if luck < 0.6 else "CONFIRMED"
    if age >= 0.92:
        return "CONFIRMED" if luck < 0.75 else "CLOSED" if luck < 0.95 else "CANCELLED"
    return "CLOSED" if luck < 0.96 else "CANCELLED"


def _pick(options: list[T], weights: list[float], seed: Seed) -> T:
    return options[bisect(weights, seed.random() * weights[-1])]
