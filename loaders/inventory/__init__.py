"""Stock: levels, moves, warehouses, locations, and what a product has in all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Date, DateTime, Select, Text, and_, any_, case, cast, func, or_, select
from sqlalchemy.orm import aliased

from core.errors import BadInput
from db.catalog import Product
from db.inventory import (
    OWN_KIND,
    AllocationPolicy,
    Location,
    StockHoldLine,
    StockLevel,
    StockMove,
    Warehouse,
)
from db.tenants import Tenant
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.filters import Referred
from loaders.kit.many import Many, Query
from loaders.kit.measures import Join, Unit, distinct, quantities, rows
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant, value


def at_kind(location: Any, kind: str) -> Any:
    """Whether a location is of this kind.

    As an array, which is made once per statement; as a subquery it was joined again for each parent.
    """
    found = select(Location.id).where(Location.tenant_id == TENANT, Location.kind == constant(kind))
    return location == any_(func.array(found.scalar_subquery()))


def is_own(location: Any) -> Any:
    """Whether a location is one whose goods are the tenant's own and can be sold."""
    return at_kind(location, OWN_KIND)


def _located(condition: Any) -> Any:
    """Levels at a location that fulfils a condition."""
    return StockLevel.location_id.in_(
        select(Location.id).where(Location.tenant_id == TENANT, condition).correlate(None)
    )


NOW: Any = func.statement_timestamp()

_ZONE = select(Tenant.timezone).where(Tenant.id == TENANT).scalar_subquery()
TODAY: Any = cast(func.timezone(_ZONE, NOW), Date)
"""The day that it is where the tenant is."""

SELLABLE = or_(StockLevel.sellable_until.is_(None), StockLevel.sellable_until >= TODAY)
"""Whether goods of a balance may be sold: those without a lot always; nobody asks for the day then."""


def _ended(*conditions: Any) -> Any:
    """What was kept until its time was over, and nobody has let go yet."""
    total = select(func.coalesce(func.sum(StockHoldLine.quantity), constant(0)))
    return total.where(StockHoldLine.tenant_id == TENANT, StockHoldLine.expires_at <= NOW, *conditions)


_HERE = (
    StockHoldLine.product_id == StockLevel.product_id,
    StockHoldLine.location_id == StockLevel.location_id,
    StockHoldLine.lot_id.is_not_distinct_from(StockLevel.lot_id),
)
ENDED = case((StockLevel.held_until <= NOW, _ended(*_HERE).correlate(StockLevel).scalar_subquery()), else_=constant(0))
"""What of a balance is reserved in the table, and is nobody's. Only a balance of which a hold has ended is looked at."""

RESERVED = StockLevel.reserved - ENDED
AVAILABLE = case((and_(is_own(StockLevel.location_id), SELLABLE), StockLevel.available + ENDED), else_=constant(0))
"""What of a balance can be promised. What is in quarantine or on its way is on hand, and nobody may sell it; nor what is expired
or blocked.
"""

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
    columns={
        "reserved": cast(func.trim_scale(RESERVED), Text),
        "available": cast(func.trim_scale(AVAILABLE), Text),
    },
    filters={
        "product": filters.identifier(StockLevel.product_id, "prod", "By the id of the product (prod_…)."),
        "location": filters.identifier(StockLevel.location_id, "loc", "By the id of the location (loc_…)."),
        "warehouse": filters.identifier(
            Location.warehouse_id, "wh", "By the id of the warehouse that the location is in.", _located
        ),
        "lot": filters.identifier(StockLevel.lot_id, "lot", "By the id of the lot (lot_…)."),
        "onHand": filters.decimal(StockLevel.on_hand, "By how many are on hand, in the product's unit."),
        "available": filters.decimal(AVAILABLE, "By how many can be sold and are not promised to orders."),
    },
    sorts={
        "ON_HAND": Sort(StockLevel.on_hand, "How many are on hand, whatever the unit."),
        "AVAILABLE": Sort(AVAILABLE, "How many can be sold and are not promised to orders, whatever the unit."),
        "UPDATED_AT": Sort(StockLevel.updated_at, "When it was last changed."),
        # Not in the graph's enum: the order of Product.stock.levels, which takes no other.
        "LOCATION": Sort(StockLevel.location_id),
        "LOT": Sort(StockLevel.lot_id, nullable=True),
    },
    measures={
        "count": rows(),
        "productCount": distinct(StockLevel.product_id, "catalog:read"),
        "onHand": quantities(StockLevel.on_hand, UNIT),
        "reserved": quantities(RESERVED, UNIT),
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
        "lot": filters.identifier(StockMove.lot_id, "lot", "By the id of the lot (lot_…)."),
        "occurredAt": filters.moment(StockMove.occurred_at, "By the time of the move."),
    },
    sorts={"OCCURRED_AT": Sort(StockMove.occurred_at)},
    default=(("OCCURRED_AT", DESC),),
)


_lot_level: Any = aliased(StockLevel, name="lot_level")
_EXPIRED_LOT = select(_lot_level.lot_id).where(
    _lot_level.tenant_id == TENANT,
    _lot_level.lot_id == StockHoldLine.lot_id,
    _lot_level.sellable_until < TODAY,
)
_LOT_SELLABLE = or_(StockHoldLine.lot_id.is_(None), ~_EXPIRED_LOT.correlate(StockHoldLine).exists())

# A filter that catalog's products get from here: what is available of them in all.
products.filters["available"] = filters.decimal(
    select(
        func.coalesce(
            func.sum(case((SELLABLE, StockLevel.on_hand - StockLevel.reserved), else_=constant(0))), constant(0)
        )
    )
    .where(
        StockLevel.tenant_id == TENANT,
        StockLevel.product_id == Product.id,
        is_own(StockLevel.location_id),
    )
    .correlate(Product)
    .scalar_subquery()
    + _ended(StockHoldLine.product_id == Product.id, _LOT_SELLABLE).correlate(Product).scalar_subquery(),
    "By how many are available (in stock and not reserved), over all locations.",
    permission="stock:read",
)


def _of_product(condition: Any) -> Any:
    """Balances of products that meet a condition."""
    return StockLevel.product_id.in_(select(Product.id).where(Product.tenant_id == TENANT, condition).correlate(None))


AT: Any = value("w0", DateTime(timezone=True))
"""The moment of stock in the past: the first value of a filter that begins with it (``LevelsAt.query``)."""

_LATER = (
    select(
        func.coalesce(
            func.sum(
                case(
                    (StockMove.destination_id == StockLevel.location_id, StockMove.quantity), else_=-StockMove.quantity
                )
            ),
            constant(0),
        )
    )
    .where(
        StockMove.tenant_id == TENANT,
        StockMove.product_id == StockLevel.product_id,
        StockMove.lot_id.is_not_distinct_from(StockLevel.lot_id),
        StockMove.occurred_at >= AT,
        or_(StockMove.destination_id == StockLevel.location_id, StockMove.source_id == StockLevel.location_id),
    )
    .correlate(StockLevel)
    .scalar_subquery()
)

ON_HAND_AT = StockLevel.on_hand - _LATER
"""A balance at ``AT``: that of now without what was moved since. It reads what is later, and not the whole ledger."""

positions = Entity(
    StockLevel,
    "StockPosition",
    "stp",
    "stock:read",
    columns={"on_hand": cast(func.trim_scale(ON_HAND_AT), Text)},
    filters={
        "at": filters.Filter(
            StockLevel.updated_at, DateTime(timezone=True), within=lambda _: constant(0) != ON_HAND_AT, kind="moment"
        ),
        "productWhere": Referred(
            products, _of_product, "products", "Only of products that meet this.", products.permission
        ),
        "location": filters.identifier(StockLevel.location_id, "loc", "Only at these locations: their ids (loc_…)."),
    },
    sorts={
        "PRODUCT": Sort(StockLevel.product_id),
        "LOCATION": Sort(StockLevel.location_id),
        "LOT": Sort(StockLevel.lot_id, nullable=True),
    },
    default=(("PRODUCT", ASC), ("LOCATION", ASC), ("LOT", ASC)),
    measures={"count": rows(), "onHand": quantities(ON_HAND_AT, UNIT)},
)


policies = Entity(AllocationPolicy, "AllocationPolicy", "alp", "stock:read")


class PolicyById(One):
    entity = policies


class PolicyOfTenant(One):
    """The one row of the tenant that asks."""

    entity = policies
    key = "tenant_id"

    def build(self, *, single: bool) -> Select[Any]:  # noqa: ARG002 - there is one tenant
        columns = [self.entity.column(name) for name in self.columns]
        return select(AllocationPolicy.tenant_id, *columns).where(AllocationPolicy.tenant_id == TENANT)


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
    sums: ClassVar = {
        "on_hand": StockLevel.on_hand,
        "reserved": RESERVED,
        "incoming": StockLevel.incoming,
        "available": case((SELLABLE, StockLevel.available + ENDED), else_=constant(0)),
        "expired": case((SELLABLE, constant(0)), else_=StockLevel.on_hand),
    }

    def build(self, *, single: bool) -> Select[Any]:
        mine = (StockLevel.tenant_id == TENANT) & (StockLevel.product_id == self.wanted(single=single))
        columns: list[Any] = [
            cast(func.trim_scale(func.sum(each)), Text).label(name) for name, each in self.sums.items()
        ]
        own = is_own(StockLevel.location_id)
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
                    func.coalesce(
                        func.sum(StockLevel.on_hand).filter(at_kind(StockLevel.location_id, kind)), constant(0)
                    )
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


class LevelsAt(Many):
    """What was not nothing at a moment, by product and location."""

    entity = positions
    unique = "LOT"

    @classmethod
    def query(cls, args: Mapping[str, Any]) -> Query:
        """Check the arguments of ``stockPositions``. The moment is the first condition, so its value is ``AT``."""
        names = ("productWhere", "location")
        where = {"at": {"eq": args["at"]}} | {name: args[name] for name in names if args.get(name) is not None}
        try:
            return super().query({"first": args.get("first"), "after": args.get("after"), "where": where})
        except BadInput as error:
            if error.path[:1] == ("where",):
                raise BadInput(error.message, path=error.path[1:]) from None
            raise


class LevelsOfProduct(Many):
    """The levels that make up Product.stock: at the tenant's own locations, which are in the same order for each
    product. That order is the index's; by id the levels were sorted for a quarter of their time."""

    entity = levels
    key = "product_id"
    small_fanout = True
    default = (("LOCATION", ASC), ("LOT", ASC))
    unique = "LOT"

    def condition(self) -> list[Any]:
        return [is_own(StockLevel.location_id)]


class LevelsOfLocation(Many):
    entity = levels
    key = "location_id"


class LocationsOfWarehouse(Many):
    entity = locations
    key = "warehouse_id"
