"""The stock ledger while it is written: what moved, what is held, and the balances that follow.

Goods arrive per season, as many as leave in it, are reserved at its end, or stay on the shelf: so
no balance is below zero at any time, which nothing but the order of events could ensure otherwise.
Receipts are therefore written last, although they come first.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from services.demo.seed import DAY, HOUR, Seed, moment, seconds

MOVE_COLUMNS = (
    *("tenant_id", "id", "product_id", "source_id", "destination_id", "quantity", "reason", "occurred_at"),
    *("line_item_id", "principal", "created_at"),
)
RESERVATION_COLUMNS = ("tenant_id", "id", "line_item_id", "product_id", "location_id", "quantity", "created_at")
LEVEL_COLUMNS = ("tenant_id", "id", "product_id", "location_id", "on_hand", "reserved", "updated_at", "created_at")

SEASONS = (seconds(2025, 1, 1), seconds(2025, 7, 1), seconds(2026, 1, 1), seconds(2026, 7, 1))
"""When goods have arrived for the half year."""

PRINCIPAL = "demo"
ZERO = Decimal(0)

Row = tuple[object, ...]


@dataclass(slots=True)
class Level:
    """A product at a location; returned goods that nobody may sell go to its ``quarantine``."""

    product: str
    location: str
    quarantine: str
    outgoing: list[Decimal] = field(default_factory=lambda: [ZERO] * len(SEASONS))
    incoming: Decimal = ZERO
    reserved: Decimal = ZERO
    touched: int = SEASONS[0]

    def take(self, quantity: Decimal, at: int) -> None:
        self.outgoing[sum(at >= start for start in SEASONS) - 1] += quantity
        self.touched = max(self.touched, at)

    def put(self, quantity: Decimal, at: int) -> None:
        self.incoming += quantity
        self.touched = max(self.touched, at)


@dataclass(slots=True)
class Ledger:
    """One company's moves and reservations since they were last drained."""

    tenant: str
    seed: Seed
    supplier: str
    customer: str
    loss: str
    moves: list[Row] = field(default_factory=list)
    reservations: list[Row] = field(default_factory=list)
    departures: dict[int, list[Row]] = field(default_factory=dict)
    """What left since they were last taken, by its time: the move, the line item, the location and the quantity."""
    arrivals: list[Row] = field(default_factory=list)
    """What came for the last season: the move, the product, the location, the quantity and its time."""
    held: dict[tuple[str, str], Level] = field(default_factory=dict)
    """What is in quarantine, by product and location."""

    def ship(self, level: Level, quantity: Decimal, at: int, line: str) -> None:
        level.take(quantity, at)
        move = self._move(level.product, level.location, self.customer, quantity, "shipment", at, line)
        self.departures.setdefault(at, []).append((move, line, level.location, quantity))

    def departed(self) -> list[tuple[int, list[Row]]]:
        """What left since the last time, by its time."""
        found, self.departures = sorted(self.departures.items()), {}
        return found

    def reserve(self, level: Level, quantity: Decimal, at: int, line: str) -> None:
        level.reserved += quantity
        level.touched = max(level.touched, at)
        self.reservations.append(
            (self.tenant, self.seed.id(at), line, level.product, level.location, quantity, moment(at))
        )

    def restock(self, level: Level, quantity: Decimal, at: int, line: str) -> None:
        level.put(quantity, at)
        self._move(level.product, self.customer, level.location, quantity, "return, restocked", at, line)

    def quarantine(self, level: Level, quantity: Decimal, at: int, line: str) -> None:
        key = level.product, level.quarantine
        held = self.held.get(key) or self.held.setdefault(key, Level(*key, quarantine=level.quarantine))
        held.put(quantity, at)
        self._move(level.product, self.customer, level.quarantine, quantity, "return, quarantined", at, line)

    def scrap(self, level: Level, quantity: Decimal, at: int, line: str) -> None:
        self._move(level.product, self.customer, self.loss, quantity, "return, scrapped", at, line)

    def lose(self, level: Level, quantity: Decimal, at: int) -> None:
        level.take(quantity, at)
        self._move(level.product, level.location, self.loss, quantity, "broken", at)

    def find(self, level: Level, quantity: Decimal, at: int) -> None:
        level.put(quantity, at)
        self._move(level.product, self.loss, level.location, quantity, "counted more than booked", at)

    def transfer(self, source: Level, destination: Level, quantity: Decimal, at: int) -> None:
        source.take(quantity, at)
        destination.put(quantity, at)
        self._move(source.product, source.location, destination.location, quantity, "transfer", at)

    def receive(self, level: Level, left: Decimal) -> Row:
        """Write a level's receipts, so that ``left`` are available in the end; its balance's row."""
        needs = [*level.outgoing]
        needs[-1] += level.reserved
        needs[0] += left
        for start, need in zip(SEASONS, needs, strict=True):
            if need:
                at = start - self.seed.between(HOUR, 4 * DAY)
                move = self._move(level.product, self.supplier, level.location, need, "receipt", at)
                if start == SEASONS[-1]:
                    self.arrivals.append((move, level.product, level.location, need, at))
        return self.balance(level, left + level.reserved + level.incoming)

    def balance(self, level: Level, on_hand: Decimal) -> Row:
        made, since, changed = self.seed.id(SEASONS[0]), moment(SEASONS[0]), moment(level.touched)
        return self.tenant, made, level.product, level.location, on_hand, level.reserved, changed, since

    def quarantined(self) -> list[Row]:
        """The balances of what is in quarantine: all that came is still there."""
        return [self.balance(level, level.incoming) for level in self.held.values()]

    def drain(self) -> tuple[list[Row], list[Row]]:
        """The moves and reservations that were written since the last time."""
        written = self.moves, self.reservations
        self.moves, self.reservations = [], []
        return written

    def _move(
        self,
        product: str,
        source: str,
        destination: str,
        quantity: Decimal,
        reason: str,
        at: int,
        line: str | None = None,
    ) -> str:
        when, made = moment(at), self.seed.id(at)
        self.moves.append(
            (self.tenant, made, product, source, destination, quantity, reason, when, line, PRINCIPAL, when)
        )
        return made
