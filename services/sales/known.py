"""What an order is about, asked for in one statement: a new one's customer, its products, and what is there of them."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from services import catalog, partners
from services.catalog import ProductSnapshot
from services.inventory import stock
from services.kit.together import together
from services.kit.work import UnitOfWork
from services.sales.commands import OrderCreate

Rows = list[Any]


class Known(NamedTuple):
    """The rows of each, as whoever asks for them takes them; None where they are to be asked for one after the other."""

    customer: Rows | None = None
    items: Rows | None = None
    places: Rows | None = None

    def places_of(self, products: Collection[UUID]) -> Rows | None:
        """What is there of these products, if all of them were asked for: one that was renamed is found later."""
        return self.places if {row[0] for row in self.items or ()}.issuperset(products) else None


async def known(work: UnitOfWork, command: OrderCreate, *, lock: bool) -> Known:
    """What ``command`` names; with ``lock`` the products under the locks of their stock, and what is there of them.

    One after the other where the lines name products by several kinds of keys; and where tables are spread over servers,
    which don't say in what order the parts of a statement are done.
    """
    items = catalog.asked([line.product for line in command.line_items], lock=lock)
    if items is None or work.writer.spread:
        return Known()
    asked = [partners.asked(command.customer), items]
    found = await together(work, *asked, *([stock.asked(items.name)] if lock else []))
    return Known(*found)


async def held_with_stock(
    work: UnitOfWork, products: Collection[UUID]
) -> tuple[dict[UUID, ProductSnapshot], Rows | None]:
    """Products under the locks of their stock, by their ids, and what is there of them: None where it is to be asked for next, since
    tables are spread over servers.
    """
    items, places = None, None
    if not work.writer.spread:
        asked = catalog.asked_by_ids(products)
        items, places = await together(work, asked, stock.asked(asked.name))
    return {item.id: item for item in await catalog.hold(work, products, items)}, places
