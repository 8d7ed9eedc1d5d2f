"""Companies for tests that write, each opened as a company would be: by its own mutations."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from core.numbering import ORDER_PATTERN
from db.runtime.engine import Database, Target
from services.platform import tenants
from tests.support.clerk import Clerk

_NAMES = itertools.count(1)


class Desk:
    """A database, and an administrator's connection to it, whom row-level security doesn't bind."""

    def __init__(self, target: Target, database: Database, admin: Any) -> None:
        self.target, self.database, self.admin = target, database, admin

    async def bare(
        self, *, currency: str = "EUR", timezone: str = "Europe/Berlin", order_numbers: str = ORDER_PATTERN
    ) -> Clerk:
        """A company that has nothing yet."""
        name = f"company {next(_NAMES)}"
        tenant = await tenants.create(self.target, name, currency, timezone, order_numbers)
        return Clerk(self.database, self.admin, tenant)

    async def open(self, **given: str) -> Clerk:
        """A company with two warehouses and a customer."""
        clerk = await self.bare(**given)
        await clerk.do("partnerUpsert", {"code": clerk.customer, "name": "Ida's Kiosk"})
        for warehouse, locations in (("NORTH", ("SHELF", "RACK", "HOLD")), ("SOUTH", ("DOCK",))):
            made = await clerk.do("warehouseCreate", {"code": warehouse, "name": warehouse.capitalize()})
            clerk.warehouses[warehouse] = made["id"]
            for code in locations:
                kind = "QUARANTINE" if code == "HOLD" else "INTERNAL"
                given_ = {"warehouse": made["id"], "code": code, "name": code.capitalize(), "kind": kind}
                clerk.places[code] = (await clerk.do("locationCreate", given_))["id"]
        return clerk


@contextlib.asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Desk]:
    """A desk with connections of its own."""
    database = Database(target)
    await database.open()
    admin = await asyncpg.connect(target.admin)
    yield Desk(target, database, admin)
    await admin.close()
    await database.close()
