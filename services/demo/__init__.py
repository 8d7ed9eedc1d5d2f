"""Demo data: two companies that a person would believe, the same at every run.

Ids, names, numbers and times depend on the size alone, so that an example in the documentation
holds on every machine. Nothing happens after 2026-11-01. The data keep every rule of the stock
engine: balances follow from moves, reservations from orders.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from core.errors import BadInput
from db.admin.statistics import analyse
from db.runtime import bulk
from db.runtime.engine import Target, administration
from db.tenancy import set_tenant
from services.demo import catalog, ledger, partners, purchasing, received, sales, stock, taxes
from services.demo.companies import COMPANIES, Company, Size
from services.demo.seed import FOUNDED, Seed
from services.platform import tenants

__all__ = ["Report", "Size", "Summary", "is_empty", "load"]

Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

Row = tuple[object, ...]

GROUP = partners.PARTNER_COLUMNS.index("tax_group_id")
PRICED = catalog.PRODUCT_COLUMNS.index("list_price")

STEP = 1_000
"""Products whose stock is written at a time."""


@dataclass(frozen=True)
class Summary:
    """What was loaded: the tenants' names, and the number of rows by table."""

    tenants: tuple[str, ...]
    rows: Mapping[str, int]


def _silent(_stage: str, _done: int, _total: int) -> None:
    pass


async def is_empty(target: Target) -> bool:
    """Whether there are no tenants yet."""
    async with administration(target) as connection:
        return await connection.fetchval("SELECT 1 FROM tenants LIMIT 1") is None


async def load(target: Target, size: Size, report: Report = _silent) -> Summary:
    """Load the demo data: all of it, or on a fault nothing.

    Raises ``BadInput`` if one of its tenants is there already. Afterwards the tables are vacuumed
    and analysed, so that the first query is planned and answered as the thousandth will be.
    """
    counts = Counter[str]()
    async with administration(target) as connection:
        await _make_tenants(connection)
        for company in COMPANIES:
            loader = _Loader(connection, company, size, report, counts)
            await connection.execute(set_tenant(loader.tenant))
            await loader.run()
    await analyse(target, [*counts], partial(report, "statistics"), vacuum=True)
    return Summary(tuple(company.name for company in COMPANIES), counts)


async def _make_tenants(connection: Any) -> None:
    names = sorted(company.name for company in COMPANIES)
    try:
        for name in names:
            await tenants.reserve(connection, name)
    except BadInput:
        raise BadInput(f"The demo's tenants ({' and '.join(names)}) are there already: nothing was changed.") from None
    for company in COMPANIES:
        await connection.execute(
            "INSERT INTO tenants (id, name, currency, timezone, created_at) VALUES ($1, $2, $3, $4, to_timestamp($5))",
            *(_tenant_id(company), company.name, company.currency, company.timezone, FOUNDED),
        )


def _tenant_id(company: Company) -> UUID:
    return UUID(Seed(company.name).id(FOUNDED))


async def _ahead(chunks: Iterator[sales.Chunk]) -> AsyncIterator[sales.Chunk]:
    """The chunks, each made in a thread while the one before is being stored."""
    coming = asyncio.create_task(asyncio.to_thread(next, chunks, None))
    while chunk := await coming:
        coming = asyncio.create_task(asyncio.to_thread(next, chunks, None))
        yield chunk


class _Loader:
    """Makes one company's rows and stores them, in the order that their references need."""

    def __init__(self, connection: Any, company: Company, size: Size, report: Report, counts: Counter[str]) -> None:
        self.tenant = _tenant_id(company)
        self._connection, self._company, self._scale = connection, company, company.scales[size]
        self._report, self._counts = report, counts
        self._seed, self._size = Seed(f"{company.name} {size}"), str(size)

    async def run(self) -> None:
        company, scale, tenant, seed = self._company, self._scale, self.tenant.hex, self._seed
        places, warehouses, locations = catalog.places(company, tenant, seed)
        await self._store("warehouses", catalog.WAREHOUSE_COLUMNS, warehouses)
        await self._store("locations", catalog.LOCATION_COLUMNS, locations)
        rates = taxes.taxes(company, tenant)
        await self._store("taxes", taxes.TAX_COLUMNS, rates.taxes)
        await self._store("tax_groups", taxes.GROUP_COLUMNS, rates.groups)
        await self._store("tax_substitutions", taxes.SUBSTITUTION_COLUMNS, rates.substitutions)
        await self._store("price_lists", taxes.LIST_COLUMNS, rates.lists)
        within, categories = catalog.categories(company, tenant, rates)
        await self._store("product_categories", catalog.CATEGORY_COLUMNS, categories)
        products = list(catalog.products(company, scale, tenant, seed, places.aisles, within, rates))
        await self._store("products", catalog.PRODUCT_COLUMNS, [row for _, row in products])
        people = list(partners.partners(company, scale, tenant, seed, rates))
        await self._store("partners", partners.PARTNER_COLUMNS, [row for _, row in people])
        items, customers = [item for item, _ in products], [customer for customer, _ in people if customer]
        priced = [row[PRICED] is not None for _, row in products]
        await self._store("prices", taxes.PRICE_COLUMNS, [*taxes.prices(company, tenant, rates, items, priced)])
        book = ledger.Ledger(tenant, seed, places.supplier, places.customer, places.loss)
        await self._sell(sales.Sales(company, scale, seed, book, items, customers, rates))
        await self._stock(book, items)
        suppliers = [str(row[1]) for _, row in people if "SUPPLIER" in str(row[4])]
        houses = {str(row[1]): str(row[2]) for row in locations}
        codes = {identity: code for code, identity in rates.ids.items()}
        groups = {str(row[1]): codes.get(str(row[GROUP])) for _, row in people}
        buying = purchasing.Buying(company, tenant, self._size, rates, groups)
        await self._buy(buying, products, suppliers, book, houses)

    async def _buy(
        self,
        buying: purchasing.Buying,
        products: Sequence[tuple[catalog.Item, Row]],
        suppliers: Sequence[str],
        book: ledger.Ledger,
        houses: Mapping[str, str],
    ) -> None:
        units = [str(row[6]) for _, row in products]
        offers = list(buying.suppliers([item for item, _ in products], units, suppliers))
        await self._store("product_suppliers", purchasing.SUPPLIER_COLUMNS, offers)
        orders, lines = buying.orders(max(30, len(products) // 5))
        past = received.Received(buying, self._company, self.tenant.hex, len(orders))
        came = past.orders(book.arrivals)
        await self._store("purchase_orders", purchasing.ORDER_COLUMNS, orders + came.orders)
        await self._store("purchase_lines", purchasing.LINE_COLUMNS, lines)
        await self._store("purchase_lines", received.LINE_COLUMNS, came.lines)
        await self._store("receipts", received.RECEIPT_COLUMNS, came.receipts)
        await self._store("receipt_lines", received.RECEIPT_LINE_COLUMNS, came.receipt_lines)
        await self._store("reorder_rules", received.RULE_COLUMNS, past.rules(houses))
        await self._connection.execute(purchasing.INCOMING, self.tenant)

    async def _sell(self, orders: sales.Sales) -> None:
        stage, done = f"{self._company.name}: orders", 0
        async for chunk in _ahead(orders.chunks()):
            self._report(stage, done, self._scale.orders)
            await self._store("orders", sales.ORDER_COLUMNS, chunk.orders)
            await self._store("line_items", sales.LINE_COLUMNS, chunk.lines)
            await self._store("shipments", sales.SHIPMENT_COLUMNS, chunk.shipments)
            await self._store("shipment_lines", sales.SHIPMENT_LINE_COLUMNS, chunk.shipment_lines)
            await self._store("stock_moves", ledger.MOVE_COLUMNS, chunk.moves)
            await self._store("reservations", ledger.RESERVATION_COLUMNS, chunk.reservations)
            done += len(chunk.orders)
        self._report(stage, done, self._scale.orders)

    async def _stock(self, book: ledger.Ledger, items: list[catalog.Item]) -> None:
        stage = f"{self._company.name}: stock"
        stock.handle(items, book, self._seed)
        for start in range(0, len(items), STEP):
            self._report(stage, start, len(items))
            levels = stock.balances(items[start : start + STEP], book, self._seed)
            await self._store("stock_levels", ledger.LEVEL_COLUMNS, levels)
            await self._store("stock_moves", ledger.MOVE_COLUMNS, book.drain()[0])
        await self._store("stock_levels", ledger.LEVEL_COLUMNS, book.quarantined())
        self._report(stage, len(items), len(items))

    async def _store(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        if rows:
            await bulk.insert(self._connection, table, columns, rows)
            self._counts[table] += len(rows)
