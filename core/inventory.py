"""What concerns stock alone: its permissions, codes and words. How it is chosen is in ``core.allocation``."""

from datetime import date
from decimal import Decimal
from enum import auto
from typing import NamedTuple
from uuid import UUID

from core.choices import Choice
from core.modules import READERS, ChangeKind, Permission
from core.problems import Problems

PERMISSIONS = {
    "stock:read": Permission("see warehouses, locations, stock levels and the ledger", READERS),
    "stock:adjust": Permission("adjust, set and transfer stock, and change lots", ("warehouse",)),
    "stock:verify": Permission("compare balances with the moves and orders that they follow from", ("warehouse",)),
    "warehouses:write": Permission("create warehouses and locations"),
}
CHANGES = {
    "WAREHOUSE": ChangeKind(3, "wh", "Warehouse. Needs stock:read."),
    "LOCATION": ChangeKind(4, "loc", "Location. Needs stock:read."),
    "STOCK_LEVEL": ChangeKind(
        5, "stl", "StockLevel: how many of a product are at a location, and are reserved there. Needs stock:read."
    ),
    "LOT": ChangeKind(10, "lot", "Lot: its last day, and whether it is blocked. Needs stock:read."),
}
# What is stock.adjusted is a product's stock: levels are touched (services.inventory.stock), and the product stays what it was.
SUBJECTS = {"warehouse": "wh", "location": "loc", "stock": "prod", "allocation": "alp", "lot": "lot"}
INSUFFICIENT_STOCK, STALE_STOCK, LOT_EXPIRED = "INSUFFICIENT_STOCK", "STALE_STOCK", "LOT_EXPIRED"
ERROR_CODES = {
    INSUFFICIENT_STOCK: "More is requested than is available or reserved.",
    STALE_STOCK: "The stock isn't what the caller expected.",
    LOT_EXPIRED: "The lot is expired or blocked.",
}


def note_shortage(
    problems: Problems, message: str, *path: str | int, product: UUID, requested: Decimal, available: Decimal
) -> None:
    """Note that less of a product is available than is wanted, with the facts that the code promises."""
    facts = {"product_id": product, "requested": requested, "available": available}
    problems.add(INSUFFICIENT_STOCK, message, *path, **facts)


class LocationKind(Choice):
    """What a location is. Goods come from and go to places that aren't shelves, too."""

    INTERNAL = auto(), "A place of the tenant's own, whose goods can be sold."
    SUPPLIER = auto(), "Where received goods come from; it has no stock."
    CUSTOMER = auto(), "Where shipped goods go; it has no stock."
    TRANSIT = auto(), "Between two places of the tenant's own."
    QUARANTINE = auto(), "The tenant's own goods that nobody may sell."
    LOSS = auto(), "Where lost and scrapped goods go, and found ones come from."


class Spot(NamedTuple):
    """A product at a location, and of one lot where it is tracked: what a balance is of."""

    product: UUID
    location: UUID
    lot: UUID | None = None


class AllocationRule(Choice):
    """How the stock of an order is chosen among locations. Whatever the rule, an order gets all that is there for it."""

    WHOLE_FIRST = (
        auto(),
        "From one warehouse if one can serve all of it; else from as few as can, and in each where most is.",
    )
    BY_RANK = auto(), "In the order of the warehouses' rank, and in each where most is."
    MOST_FIRST = auto(), "From where most is, line by line, whatever the warehouse."


class Demand(NamedTuple):
    """A quantity of a product that a line item wants, from anywhere or from one warehouse."""

    line: UUID
    product: UUID
    quantity: Decimal
    warehouse: UUID | None = None

    def fits(self, place: "Place") -> bool:
        return self.warehouse in (None, place.warehouse)


class Place(NamedTuple):
    """What of a product, and of one lot where it is tracked, can be promised at a location. ``code`` is the location's, ``rank``
    its warehouse's, and ``rule`` the tenant's, where there is one. ``expires`` is the lot's last day.
    """

    product: UUID
    location: UUID
    code: str
    warehouse: UUID | None
    available: Decimal
    rank: int | None = None
    rule: str | None = None
    lot: UUID | None = None
    expires: date | None = None

    @property
    def turn(self) -> tuple[date, UUID]:
        """What these goods are taken by, the least first: the last day, then the age of the lot, with which its id begins."""
        return self.expires or date.max, self.lot or UUID(int=0)

    @property
    def spot(self) -> Spot:
        return Spot(self.product, self.location, self.lot)


class Hold(NamedTuple):
    """A quantity for a line item at one location, of one lot where the product is tracked."""

    line: UUID
    product: UUID
    location: UUID
    quantity: Decimal
    lot: UUID | None = None

    @property
    def spot(self) -> Spot:
        return Spot(self.product, self.location, self.lot)


class Allocation(NamedTuple):
    """``holds`` serve the demands; ``waiting`` is what each line lacks, where it lacks any."""

    holds: list[Hold]
    waiting: dict[UUID, Decimal]
