"""What was ordered for the last season and came: purchase orders of before with their receipts, and rules for ordering again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from core.money import line_total
from services.demo import purchasing
from services.demo.companies import Company
from services.demo.ledger import PRINCIPAL
from services.demo.purchasing import Buying, Offer
from services.demo.seed import DAY, TODAY, moment

LINE_COLUMNS = (*purchasing.LINE_COLUMNS, "received")
RECEIPT_COLUMNS = (
    "tenant_id",
    "id",
    "number",
    "purchase_order_id",
    "reference",
    "principal",
    "received_at",
    "created_at",
)
RECEIPT_LINE_COLUMNS = (
    *("tenant_id", "id", "receipt_id", "position", "purchase_line_id", "location_id", "quantity", "created_at"),
)
RULE_COLUMNS = (
    *("tenant_id", "id", "product_id", "warehouse_id", "location_id", "point", "target", "created_at", "updated_at"),
)

Row = tuple[object, ...]


class Came(NamedTuple):
    """The rows of what came."""

    orders: list[Row]
    lines: list[Row]
    receipts: list[Row]
    receipt_lines: list[Row]


class Received:
    """One company's purchase orders that are closed, made of the moves by which goods came. ``after`` purchase orders there are
    already: their numbers are taken.
    """

    def __init__(self, buying: Buying, company: Company, tenant: str, after: int) -> None:
        self._company, self._tenant, self._seed, self._after = company, tenant, buying.seed, after
        self._offers = {
            offer.item.id: (supplier, offer) for supplier, offers in buying.offers.items() for offer in offers
        }

    def orders(self, arrivals: Sequence[Any]) -> Came:
        """An order for each supplier and location; what came on one day came by one receipt."""
        grouped: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for arrival in arrivals:
            if arrival[1] in self._offers:
                grouped[self._offers[arrival[1]][0], arrival[2]].append(arrival)
        came = Came([], [], [], [])
        for number, ((supplier, location), moves) in enumerate(grouped.items(), start=self._after + 1):
            self._order(came, number, supplier, location, sorted(moves, key=lambda move: move[-1]))
        return came

    def _order(self, came: Came, number: int, supplier: str, location: str, moves: Sequence[Any]) -> None:
        currency, offers = self._company.currency, [self._offers[move[1]][1] for move in moves]
        at = moves[0][-1] - max(offer.lead_days for offer in offers) * DAY
        order, stored, closed = self._seed.id(at), moment(at), moment(moves[-1][-1])
        year = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self._company.timezone)).year
        named, lines, total = f"PO-{year}-{number:06}", list[str](), Decimal()
        for position, (move, offer) in enumerate(zip(moves, offers, strict=True), start=1):
            lines.append(self._seed.id(at))
            cost = line_total(move[3], offer.price, currency)
            total += cost
            came.lines.append(self._line(lines[-1], order, position, move, offer, (cost, stored)))
        expected = came.lines[-1][12]
        whose = (named, "CLOSED", supplier, currency, location, total, stored, expected, stored, None)
        by_day = [list(days) for _, days in groupby(zip(moves, lines, strict=True), lambda each: each[0][-1] // DAY)]
        came.orders.append((self._tenant, order, *whose, 2 + len(by_day), stored, closed, Decimal()))
        for count, each in enumerate(by_day, start=1):
            self._receipt(came, f"{named}-{count}", order, each)

    def _line(self, line: str, order: str, position: int, move: Any, offer: Offer, costs: tuple[Decimal, str]) -> Row:
        quantity, expected = move[3], datetime.fromtimestamp(move[-1], UTC).date().isoformat()
        what = (position, move[1], offer.item.name, quantity, offer.unit, quantity, self._company.currency, offer.price)
        return self._tenant, line, order, *what, costs[0], expected, Decimal(0), costs[1], None, quantity

    def _receipt(self, came: Came, number: str, order: str, moves: Sequence[tuple[Any, str]]) -> None:
        at = moves[-1][0][-1]
        receipt, slip = self._seed.id(at), f"DN{100_000 + self._seed.below(900_000)}"
        came.receipts.append((self._tenant, receipt, number, order, slip, PRINCIPAL, moment(at), moment(at)))
        for position, (move, line) in enumerate(moves, start=1):
            came.receipt_lines.append((self._tenant, move[0], receipt, position, line, move[2], move[3], moment(at)))

    def rules(self, houses: Mapping[str, str]) -> list[Row]:
        """Two products in three that have a supplier are ordered again, to the first of their places. ``houses``: the warehouse
        of each.
        """
        rows, at = list[Row](), moment(TODAY - 200 * DAY)
        for product, (_, offer) in self._offers.items():
            if self._seed.chance(1 / 3) or not offer.item.active:
                continue
            point = Decimal(self._seed.among((5, 10, 20, 40)))
            whose = (product, houses[offer.location], offer.location, point, 3 * point, at, at)
            rows.append((self._tenant, self._seed.id(TODAY - 200 * DAY), *whose))
        return rows
