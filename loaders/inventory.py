"""Stock: levels, moves, warehouses, locations, and what a product has in all."""

from typing import Any, ClassVar

from sqlalchemy import Select, Text, and_, any_, case, cast, func, select
from sqlalchemy.orm import aliased

from db.catalog import Product
from db.inventory import OWN_KIND, Location, StockLevel, StockMove, Warehouse
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.measures import Join, Unit, distinct, quantities, rows
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant


def _at(location: Any, kind: str) -> Any:
    """Whether a location is of this kind.

    As an array, which is made once per statement; as a subquery it was joined again for each parent.
    """
    found = select(Location.id).where(Location.tenant_id == TENANT, Location.kind == constant(kind))
    return location == any_(func.array(found.scalar_subquery()))


def _own(location: Any) -> Any:
    """Whether a location is one whose goods are the tenant's own and can be sold."""
    return _at(location, OWN_KIND)


AVAILABLE = case((_own(StockLevel.location_id), StockLevel.available), else_=constant(0))
"""What of a balance can be promised. What is in quarantine or on its way is on hand, and nobody may sell it."""

_product: Any = aliased(Product, name="product")
PRODUCT = Join(_product, and_(_product.tenant_id == TENANT, _product.id == StockLevel.product_id))
UNIT = Unit("unit", _product.unit, (PRODUCT,))

warehouses = Entity(
    Warehouse, "Warehouse", "wh", "stock:read", sorts={"CODE": Sort(Warehouse.code)}, default=(("CODE", ASC),)
)
locations = Entity(
    Location, "Location", "loc", "stock:read", sorts={"CODE": Sort(Location.code)}, default=(("CODE", ASC),)
)
levels = Entity(
    StockLevel,
    "StockLevel",
    "stl",
    "stock:read",
    columns={"available": cast(func.trim_scale(AVAILABLE), Text)},
    filters={
        "product": filters.identifier(StockLevel.product_id, "prod", "By the id of the product (prod_…)."),
        "location": filters.identifier(StockLevel.location_id, "loc", "By the id of the location (loc_…)."),
        "onHand": filters.decimal(StockLevel.on_hand, "By how many are on hand, in the product's unit."),
        "available": filters.decimal(AVAILABLE, "By how many can be sold and are not promised to orders."),
    },
    sorts={
        "ON_HAND": Sort(StockLevel.on_hand, "How many are on hand, whatever the unit."),
        "AVAILABLE": Sort(AVAILABLE, "How many can be sold and are not promised to orders, whatever the unit."),
        "UPDATED_AT": Sort(StockLevel.updated_at, "When it was last changed."),
        # Not in the graph's enum: the order of Product.stock.levels, which takes no other.
        "LOCATION": Sort(StockLevel.location_id),
    },
    measures={
        "count": rows(),
        "productCount": distinct(StockLevel.product_id, "catalog:read"),
        "onHand": quantities(StockLevel.on_hand, UNIT),
        "reserved": quantities(StockLevel.reserved, UNIT),
        "available": quantities(AVAILABLE, UNIT),
    },
)
moves = Entity(
    StockMove,
    "StockMove",
    "mov",
    "stock:read",
    filters={
        "product": filters.identifier(StockMove.product_id, "prod", "By the id of the product (prod_…)."),
        "source": filters.identifier(StockMove.source_id, "loc", "By the id of the location that the goods left."),
        "destination": filters.identifier(
            StockMove.destination_id, "loc", "By the id of the location that the goods came to."
        ),
        "occurredAt": filters.moment(StockMove.occurred_at, "By the time of the move."),
    },
    sorts={"OCCURRED_AT": Sort(StockMove.occurred_at)},
    default=(("OCCURRED_AT", DESC),),
)


# A filter that catalog's products get from here: what is available of them in all.
products.filters["available"] = filters.decimal(
    select(func.coalesce(func.sum(StockLevel.on_hand - StockLevel.reserved), constant(0)))
    .where(
        StockLevel.tenant_id == TENANT,
        StockLevel.product_id == Product.id,
        _own(StockLevel.location_id),
    )
    .correlate(Product)
    .scalar_subquery(),
    "By how many are available (in stock and not reserved), over all locations.",
    permission="stock:read",
)


class WarehouseById(One):
    entity = warehouses


class LocationById(One):
    entity = locations


class StockLevelById(One):
    entity = levels


class StockMoveById(One):
    entity = moves


class StockOfProduct(One):
    """A product's sums over the tenant's own locations; no row where it has no level there."""

    entity = levels
    sums = ("on_hand", "reserved", "incoming")

    def build(self, *, single: bool) -> Select[Any]:
        mine = (StockLevel.tenant_id == TENANT) & (StockLevel.product_id == self.wanted(single=single))
        totals = {name: func.sum(getattr(StockLevel, name)) for name in self.sums}
        totals["available"] = func.sum(StockLevel.available)
        columns: list[Any] = [cast(func.trim_scale(total), Text).label(name) for name, total in totals.items()]
        own = _own(StockLevel.location_id)
        return select(StockLevel.product_id, *columns).where(mine, own).group_by(StockLevel.product_id)


class StockApart(One):
    """What a product has of the tenant's own goods that can't be sold now; no row where it has no level."""

    entity = levels
    kinds: ClassVar = {"quarantined": "QUARANTINE", "in_transit": "TRANSIT"}

    def build(self, *, single: bool) -> Select[Any]:
        mine = (StockLevel.tenant_id == TENANT) & (StockLevel.product_id == self.wanted(single=single))
        columns: list[Any] = [
            cast(
                func.trim_scale(
                    func.coalesce(func.sum(StockLevel.on_hand).filter(_at(StockLevel.location_id, kind)), constant(0))
                ),
                Text,
            ).label(name)
            for name, kind in self.kinds.items()
        ]
        return select(StockLevel.product_id, *columns).where(mine).group_by(StockLevel.product_id)


class Warehouses(Many):
    entity = warehouses


class StockLevels(Many):
    entity = levels


class StockMoves(Many):
    entity = moves


class LevelsOfProduct(Many):
    """The levels that make up Product.stock: at the tenant's own locations, which are in the same order for each
    product. That order is the index's; by id the levels were sorted for a quarter of their time."""

    entity = levels
    key = "product_id"
    small_fanout = True
    default = (("LOCATION", ASC),)
    unique = "LOCATION"

    def condition(self) -> list[Any]:
        return [_own(StockLevel.location_id)]


class LevelsOfLocation(Many):
    entity = levels
    key = "location_id"


class LocationsOfWarehouse(Many):
    entity = locations
    key = "warehouse_id"
