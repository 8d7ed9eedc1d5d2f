"""What happens to stock besides sales: transfers, breakage, counts; and in the end the balances."""

from collections.abc import Sequence
from decimal import Decimal

from services.demo.catalog import Item
from services.demo.ledger import ZERO, Ledger, Row
from services.demo.seed import DAY, FIRST_ORDER, TODAY, Seed

ON_THE_SHELF = tuple(map(Decimal, (0, 3, 8, 12, 15, 24, 30, 45, 60, 90, 150, 400)))
"""What is available of a product at a location today."""


def handle(items: Sequence[Item], ledger: Ledger, seed: Seed) -> None:
    """Move some of the goods about: each level has one event in eight. What is sold out stays so."""
    for item in items:
        for level in item.levels:
            at = seed.between(FIRST_ORDER, TODAY - DAY)
            match 0 if item.short else seed.below(24):
                case 1:
                    ledger.lose(level, Decimal(1), at)
                case 2:
                    ledger.find(level, Decimal(1 + seed.below(3)), at)
                case 3 if level is not item.levels[0]:
                    ledger.transfer(level, item.levels[0], Decimal(5 + seed.below(20)), at)


def balances(items: Sequence[Item], ledger: Ledger, seed: Seed) -> list[Row]:
    """Write the receipts of some products; the rows of their balances."""
    return [
        ledger.receive(level, ZERO if item.short else seed.among(ON_THE_SHELF))
        for item in items
        for level in item.levels
    ]
