"""How many decimals quantities of a product may have: none where its unit is a whole piece, or its pieces have serial numbers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from core.catalog import Tracking
from core.problems import Problems
from core.units import counted_in, too_fine
from services.kit.hooks import Hook
from services.kit.looking import Looking
from services.kit.work import Retry, UnitOfWork

DECIMALS = "CASE tracking WHEN 'SERIAL' THEN 0 ELSE unit_decimals END"
"""How many decimals quantities of a product's row may have: a serial number is one piece."""


class Finer(NamedTuple):
    """A condition that the product ``$2`` has quantities of more than ``$3`` decimals, and what people call their rows."""

    condition: str
    rows: str


FINER: Hook[Finer] = Hook()
"""What stands against fewer decimals of a product's unit, and so against serial numbers, which are whole pieces."""


async def finer(work: UnitOfWork, product: UUID, decimals: int) -> str:
    """What has quantities of a product with more decimals, as words; empty where nothing has."""
    asked = ", ".join(f"({each.condition})" for each in FINER.added)
    [stands] = await work.rows(f"SELECT {asked}", product, decimals) if asked else [()]
    return " and ".join(each.rows for each, is_so in zip(FINER.added, stands, strict=True) if is_so)


def check_seen(work: Looking, decimals: Mapping[UUID, int]) -> None:
    """Raise ``Retry`` where products, now that their stock is held, may have other decimals than the command has seen: it has
    checked its quantities by those.
    """
    if any(work.decimals.get(product, now) != now for product, now in decimals.items()):
        raise Retry("product changed")


class Countable(Protocol):
    """A product, or a line of one, as far as its quantities are concerned."""

    @property
    def sku(self) -> str:
        """The product's key."""

    @property
    def unit(self) -> str:
        """Its unit."""

    @property
    def tracking(self) -> str:
        """How its goods are distinguished."""

    @property
    def decimals(self) -> int:
        """How many decimals its quantities may have."""


def check_countable(item: Countable, quantity: Decimal, problems: Problems, *path: str | int) -> None:
    """Note a problem for a quantity with more decimals than those of the product may have, such as a part of a piece."""
    if too_fine(quantity, item.decimals):
        serial = item.tracking == Tracking.SERIAL
        why = (
            "is tracked by serial numbers, so it comes and goes in whole pieces"
            if serial
            else counted_in(item.unit, item.decimals)
        )
        problems.invalid(f"{item.sku} {why}.", *path)
