"""Stock: levels, moves, warehouses, locations, and what a product has in all."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import DateTime, Select, Text, Uuid, and_, any_, case, cast, func, not_, or_, select, true
from sqlalchemy.orm import aliased

from core.errors import BadInput
from core.money import decimal_text
from db.catalog import Product
from db.inventory import LOCATION_KINDS, OWN_KIND, AllocationPolicy, Location, StockLevel, StockMove, Warehouse
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.filters import Referred
from loaders.kit.many import Many, Query, parents
from loaders.kit.measures import EXACT, Join, Unit, distinct, quantities, rows
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant, value


def _at(location: Any, kind: str) -> Any:
    """Whether a location is of this kind.

    As an array, which is made once per statement; as a subquery it was joined again for each parent.
    """
    found = select(Location.id).where(Location.tenant_id == TENANT, Location.kind == constant(kind))
    return location == any_(func.array(found.scalar_subquery()))


def _own(location: Any) -> Any:
    """Whether a location is one whose goods are the tenant's own and can be sold."""
    return _at(location, OWN_KIND)


def _located(condition: Any) -> Any:
    """Levels at a location that fulfils a condition."""
    return StockLevel.location_id.in_(
        select(Location.id).where(Location.tenant_id == TENANT, condition).correlate(None)
    )


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
        "warehouse": filters.identifier(
            Location.warehouse_id, "wh", "By the id of the warehouse that the location is in.", _located
        ),
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
    sorts={"PRODUCT": Sort(StockLevel.product_id), "LOCATION": Sort(StockLevel.location_id)},
    default=(("PRODUCT", ASC), ("LOCATION", ASC)),
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


class LevelsAt(Many):
    """What was not nothing at a moment, by product and location."""

    entity = positions
    unique = "LOCATION"

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


class Movements(Loader):
    """What came to a product's own places and went from them over a time, and what was there: a dictionary of the fields of
    ``ProductMovement``. ``arguments`` is (from, until, end): moves before ``until`` count, and the mean goes to ``end``.
    """

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The movement of each product, also of one that never moved."""
        begin, until, end = self.arguments
        made = await self.made((Movements,), self.build)
        given = {"keys": keys, "begin": begin, "until": until, "end": end}
        found: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await self.fetch(made, given, len(keys)):
            found[row["key"]].append(row)
        return {key: movement(each, Decimal((end - begin) / timedelta(microseconds=1))) for key, each in found.items()}

    def build(self) -> Select[Any]:
        moment = DateTime(timezone=True)
        begin, until, end = (value(name, moment) for name in ("begin", "until", "end"))
        keys = parents(Uuid())
        comes, goes = _own(StockMove.destination_id), _own(StockMove.source_id)
        during = StockMove.occurred_at < until
        signed = case((comes, StockMove.quantity), else_=-StockMove.quantity)
        left = func.greatest(func.extract("epoch", end - StockMove.occurred_at) * constant(1_000_000), constant(0))
        sums = {
            "inbound": func.sum(StockMove.quantity).filter(during, comes),
            "outbound": func.sum(StockMove.quantity).filter(during, goes),
            "during": func.sum(signed).filter(during),
            "after": func.sum(signed).filter(not_(during)),
            "weighted": func.sum(signed * left).filter(during),
        }
        other: Any = aliased(Location, name="other")
        where = case((comes, StockMove.source_id), else_=StockMove.destination_id)
        flows = (
            select(other.kind, *(cast(each, Text).label(name) for name, each in sums.items()))
            .select_from(StockMove.__table__.join(other, and_(other.tenant_id == TENANT, other.id == where)))
            .where(StockMove.tenant_id == TENANT, StockMove.product_id == keys.c.key, StockMove.occurred_at >= begin)
            .where(comes != goes)
            .group_by(other.kind)
            .correlate(keys)
            .lateral("flows")
        )
        mine = (StockLevel.tenant_id == TENANT) & (StockLevel.product_id == keys.c.key)
        now = select(func.sum(StockLevel.on_hand)).where(mine, _own(StockLevel.location_id)).correlate(keys)
        sent = (
            select(StockMove.occurred_at)
            .where(StockMove.tenant_id == TENANT, StockMove.product_id == keys.c.key, during, goes)
            .where(_at(StockMove.destination_id, "CUSTOMER"))
            .order_by(StockMove.occurred_at.desc())
            .limit(constant(1))
            .correlate(keys)
        )
        columns = [cast(now.scalar_subquery(), Text).label("now"), sent.scalar_subquery().label("shipped")]
        return select(keys.c.key, *columns, *flows.c).select_from(keys.outerjoin(flows, true()))


def movement(rows: Sequence[Any], duration: Decimal) -> dict[str, Any]:
    """What the rows of one product say: one for each kind of other places, or one without. ``duration`` is in microseconds."""
    numbers = [
        {name: Decimal(row[name] or 0) for name in ("inbound", "outbound", "during", "after", "weighted")}
        | {"kind": row["kind"]}
        for row in rows
    ]
    closing = Decimal(rows[0]["now"] or 0) - sum((each["after"] for each in numbers), Decimal(0))
    opening = closing - sum((each["during"] for each in numbers), Decimal(0))
    mean = EXACT.add(opening, EXACT.divide(sum((each["weighted"] for each in numbers), Decimal(0)), duration))
    sold = sum((each["outbound"] - each["inbound"] for each in numbers if each["kind"] == "CUSTOMER"), Decimal(0))
    turnover = EXACT.quantize(EXACT.divide(sold, mean), Decimal("0.000001")) if mean > 0 else None
    flows = sorted((each for each in numbers if each["inbound"] or each["outbound"]), key=_place_of_kind)
    return {
        "opening": decimal_text(opening),
        "closing": decimal_text(closing),
        "flows": [
            {"kind": each["kind"], **{name: decimal_text(each[name]) for name in ("inbound", "outbound")}}
            for each in flows
        ],
        "turnover": None if turnover is None else decimal_text(turnover),
        "lastShippedAt": rows[0]["shipped"],
    }


def _place_of_kind(flow: Mapping[str, Any]) -> int:
    return LOCATION_KINDS.index(flow["kind"])
