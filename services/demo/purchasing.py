"""Who delivers what, and what is on its way: drafts, confirmed and cancelled purchase orders of the last weeks."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.money import line_total
from services.demo.catalog import Item
from services.demo.companies import Company
from services.demo.seed import DAY, HOUR, TODAY, Seed, moment
from services.demo.taxes import SINCE, Taxes, Terms

SUPPLIER_COLUMNS = (
    *("tenant_id", "id", "product_id", "supplier_id", "supplier_sku", "unit", "minimum", "multiple", "lead_days"),
    *("priority", "price", "currency", "version", "created_at", "updated_at"),
)
ORDER_COLUMNS = (
    *("tenant_id", "id", "number", "status", "supplier_id", "currency", "location_id", "subtotal", "ordered_at"),
    *("expected_on", "confirmed_at", "note", "version", "created_at", "updated_at", "tax_total"),
)
LINE_COLUMNS = (
    *("tenant_id", "id", "purchase_order_id", "position", "product_id", "description", "quantity", "unit"),
    *("base_quantity", "currency", "unit_price", "total", "expected_on", "cancelled", "created_at", "tax_id"),
)
INCOMING = """
    UPDATE stock_levels s SET incoming = p.quantity FROM (
        SELECT l.product_id, o.location_id, sum(l.base_quantity) AS quantity
        FROM purchase_lines l JOIN purchase_orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.purchase_order_id)
        WHERE l.tenant_id = $1 AND o.status = 'CONFIRMED' GROUP BY 1, 2
    ) p WHERE s.tenant_id = $1 AND (s.product_id, s.location_id) = (p.product_id, p.location_id)
"""
"""Orders are for places where the product has been: each has a balance to announce its goods in."""

WEEKS = 6
"""So long ago the oldest was ordered."""

Row = tuple[object, ...]


class Offer(NamedTuple):
    """What a supplier asks for a product, and where that is kept."""

    item: Item
    unit: str
    location: str
    price: Decimal
    lead_days: int


class Buying:
    """One company's suppliers and purchase orders, by chance of its own: what was there before stays as it was. ``offers`` has
    what each supplier asks.
    """

    def __init__(
        self, company: Company, tenant: str, size: str, rates: Taxes, groups: Mapping[str, str | None]
    ) -> None:
        self._company, self._tenant = company, tenant
        self._rates, self._groups = rates, groups
        self.seed = Seed(f"{company.name} {size} buying")
        self.offers: dict[str, list[Offer]] = {}

    def suppliers(self, items: Sequence[Item], units: Sequence[str], partners: Sequence[str]) -> Iterator[Row]:
        """Most products have a supplier, some a second one."""
        seed, begin = self.seed, TODAY - 300 * DAY
        for number, (item, unit) in enumerate(zip(items, units, strict=True)):
            for place, partner in enumerate(partners[(number + place) % len(partners)] for place in range(2)):
                if (place and seed.chance(0.8)) or seed.chance(0.1) or (place and len(partners) == 1):
                    continue
                price = (item.price * (40 + seed.below(30)) / 100).quantize(Decimal("0.0001"))
                days, pack = seed.among((2, 5, 7, 14, 21, 45)), Decimal(seed.among((1, 1, 6, 10, 12)))
                at = seed.between(begin, TODAY - 100 * DAY)
                offer = Offer(item, unit, item.levels[0].location, price, days)
                self.offers.setdefault(partner, []).append(offer)
                terms = (f"{10_000 + seed.below(90_000)}", unit, pack, pack, days, place, price, self._company.currency)
                yield self._tenant, seed.id(at), item.id, partner, *terms, *seed.history(at)

    def orders(self, count: int) -> tuple[list[Row], list[Row]]:
        """The rows of so many purchase orders, and those of their lines."""
        seed, orders, lines = self.seed, list[Row](), list[Row]()
        times = sorted(seed.between(TODAY - WEEKS * 7 * DAY, TODAY - HOUR) for _ in range(count if self.offers else 0))
        for number, at in enumerate(times, start=1):
            status = seed.among(("CONFIRMED", "CONFIRMED", "CONFIRMED", "CONFIRMED", "DRAFT", "CANCELLED"))
            supplier = seed.among([*self.offers])
            offers = self.offers[supplier]
            location = seed.among(offers).location
            chosen = [offer for offer in offers if offer.location == location][: 1 + seed.below(8)]
            order, zone = seed.id(at), ZoneInfo(self._company.timezone)
            today, stored = datetime.fromtimestamp(at, UTC).astimezone(zone).date(), moment(at)
            new = list(self._lines(order, chosen, status, (today.toordinal(), stored)))
            costs = [(offer.item.tax, Decimal(str(row[-4]))) for offer, row in zip(chosen, new, strict=True)]
            total, tax = sum((cost for _, cost in costs), Decimal()), Decimal()
            expected = max(str(row[-3]) for row in new)
            taxes: list[str | None] = [None] * len(new)
            if at >= SINCE:
                terms = Terms(self._groups[supplier])
                borne, worth = self._rates.worth(costs, terms, self._company.currency, exempt=False)
                taxes, tax = [each.id for each in borne], worth.tax_total
            whose = (f"PO-{today.year}-{number:06}", status, supplier, self._company.currency, location, total, stored)
            version, confirmed = (1, None) if status == "DRAFT" else (2, stored if status == "CONFIRMED" else None)
            note = seed.among((None, None, None, "Deliver before noon.", "Confirmed by phone."))
            orders.append((self._tenant, order, *whose, expected, confirmed, note, version, stored, stored, tax))
            lines += [(*row, of) for row, of in zip(new, taxes, strict=True)]
        return orders, lines

    def _lines(self, order: str, chosen: Sequence[Offer], status: str, when: tuple[int, str]) -> Iterator[Row]:
        day, stored = when
        currency, ordered = self._company.currency, datetime.fromisoformat(stored)
        for position, offer in enumerate(chosen, start=1):
            quantity = Decimal(self.seed.among((10, 12, 24, 50, 60, 100)))
            total = line_total(quantity, offer.price, currency)
            expected = datetime.fromordinal(day + offer.lead_days).date().isoformat()
            gone = quantity if status == "CANCELLED" else Decimal(0)
            named = (position, offer.item.id, offer.item.name, quantity, offer.unit, quantity, currency, offer.price)
            made = self.seed.id(int(ordered.timestamp()))
            yield self._tenant, made, order, *named, total, expected, gone, stored
