"""Orders of the model of stock: their lines, what left for them, and what can be done with them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
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
    released: Decimal = ZERO
    since: int | None = None
    """When it came behind others; as its order otherwise."""

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
    since: int = 0

    def cap(self) -> None:
        """No more is released of a line than it lacks."""
        for line in self.lines:
            line.released = min(line.released, line.waiting)

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
        self.cap()
        if not any(line.unshipped for line in self.lines):
            self.status = "CLOSED" if any(line.shipped for line in self.lines) else "CANCELLED"
