"""Orders and line items."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, exists, func, select
from sqlalchemy.orm import aliased

from core.progress import Progress
from core.sales import OrderStatus, ShipmentStatus
from db.base import KEY_TEXT
from db.catalog import Product
from db.inventory import Location, Reservation
from db.partners import Partner
from db.sales import LineItem, Order, Shipment, ShipmentLine
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.all import All
from loaders.kit.dimensions import Dimensions, Value
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.filters import Referred, Related
from loaders.kit.many import Many
from loaders.kit.measures import Join, Unit, amounts, distinct, in_minor_units, moments, prices, quantities, rows
from loaders.kit.one import PARTNER, TENANT, One
from loaders.kit.statements import constant
from loaders.partners import partners
from loaders.sales.units import OPEN, OPEN_COST, OWN_PRICE, OWN_UNIT, PRICED


def _with_product(condition: Any) -> Any:
    """Lines whose product fulfils a condition. As IN, which the planner can turn round: it then finds
    the product first and its lines by index, where a subquery per line took 19 times as long."""
    return LineItem.product_id.in_(select(Product.id).where(Product.tenant_id == TENANT, condition).correlate(None))


def _of_order(condition: Any) -> Any:
    """Lines whose order fulfils a condition."""
    return LineItem.order_id.in_(select(Order.id).where(Order.tenant_id == TENANT, condition).correlate(None))


def _with_customer(condition: Any) -> Any:
    """Orders whose customer fulfils a condition."""
    return Order.customer_id.in_(select(Partner.id).where(Partner.tenant_id == TENANT, condition).correlate(None))


def _sold(condition: Any) -> Any:
    """Products of which there is a line that fulfils a condition."""
    mine = (LineItem.tenant_id == TENANT) & (LineItem.product_id == Product.id)
    return exists(select(LineItem.id).where(mine, condition).correlate(Product))


def _has_ordered(condition: Any) -> Any:
    """Partners of whom there is an order that fulfils a condition."""
    mine = (Order.tenant_id == TENANT) & (Order.customer_id == Partner.id)
    return exists(select(Order.id).where(mine, condition).correlate(Partner))


_product: Any = aliased(Product, name="product")
PRODUCT = Join(_product, and_(_product.tenant_id == TENANT, _product.id == LineItem.product_id))
UNIT = Unit("unit", _product.unit, (PRODUCT,))
CURRENCY = Unit("currency", LineItem.currency)
ORDER_CURRENCY = Unit("currency", Order.currency)

_order: Any = aliased(Order, name="order_")
_customer: Any = aliased(Partner, name="customer")
ORDER = Join(_order, and_(_order.tenant_id == TENANT, _order.id == LineItem.order_id))
CUSTOMER = Join(_customer, and_(_customer.tenant_id == TENANT, _customer.id == LineItem.customer_id))
CUSTOMER_OF_ORDER = Join(_customer, and_(_customer.tenant_id == TENANT, _customer.id == Order.customer_id))


def _share(part: Any, whole: Any, names: Iterable[str | int] = range(3)) -> Any:
    none, some, every = map(constant, names)
    return case((part <= constant(0), none), (part < whole, some), else_=every)


def _progress(part: Any, whole: Any) -> Any:
    """How far an order is, of what its lines add up to: a subquery for each order, by the index of its lines."""
    done, wanted = (func.coalesce(func.sum(each), constant(0)) for each in (part, whole))
    mine = (LineItem.tenant_id == TENANT) & (LineItem.order_id == Order.id)
    return select(_share(done, wanted, Progress)).where(mine).correlate(Order).scalar_subquery()


WANTED = LineItem.quantity - LineItem.cancelled
"""What of a line is not cancelled."""

_WANTED = LineItem.cancelled < LineItem.quantity

LINE_MEASURES = {
    "count": rows(),
    "orderCount": distinct(LineItem.order_id),
    "productCount": distinct(LineItem.product_id, "catalog:read"),
    "customerCount": distinct(LineItem.customer_id, "partners:read"),
    "wantedCount": rows(_WANTED),
    "shippedInFullCount": rows(and_(_WANTED, LineItem.shipped >= LineItem.quantity - LineItem.cancelled)),
    "quantity": quantities(LineItem.quantity, UNIT),
    "shippedQuantity": quantities(LineItem.shipped, UNIT),
    "returnedQuantity": quantities(LineItem.returned, UNIT),
    "cancelledQuantity": quantities(LineItem.cancelled, UNIT),
    "openQuantity": quantities(OPEN, UNIT),
    "total": amounts(LineItem.total, CURRENCY),
    "openTotal": amounts(in_minor_units(OPEN_COST, LineItem.currency), CURRENCY),
    "unitPrice": prices(OWN_PRICE, CURRENCY, UNIT, LineItem.quantity, PRICED),
}

_WHO, _WHERE = "The partner who ordered.", "The country of the partner who ordered."

LINE_DIMENSIONS = Dimensions(
    {
        "PRODUCT": Value("product", LineItem.product_id, "The product that was ordered.", (), "catalog:read"),
        "CUSTOMER": Value("customer", LineItem.customer_id, _WHO, (), "partners:read"),
        "CUSTOMER_COUNTRY": Value("customerCountry", _customer.country, _WHERE, (CUSTOMER,), "partners:read"),
        "ORDER_STATUS": Value("orderStatus", _order.status, "The state of the order.", (ORDER,)),
        "CURRENCY": Value("currency", LineItem.currency, "The currency of the order."),
        "UNIT": Value("unit", _product.unit, "The unit of the product.", (PRODUCT,), "catalog:read"),
    },
    Value("placedAt", _order.placed_at, "when the customer ordered", (ORDER,)),
    ("orderWhere", "placedAt"),
    {"quantity": Value("quantity", LineItem.quantity, "By how many were ordered: limits in rising order.")},
    {
        "count": "the number of lines",
        "orderCount": "the number of different orders",
        "quantity": "the sum of quantities, in the unit of groups",
        "total": "the sum of totals, in the currency of groups",
        "openTotal": "the sum of open totals, in the currency of groups",
    },
)

ORDER_DIMENSIONS = Dimensions(
    {
        "CUSTOMER": Value("customer", Order.customer_id, _WHO, (), "partners:read"),
        "CUSTOMER_COUNTRY": Value("customerCountry", _customer.country, _WHERE, (CUSTOMER_OF_ORDER,), "partners:read"),
        "STATUS": Value("status", Order.status, "The state of the order."),
        "CURRENCY": Value("currency", Order.currency, "The currency of its amounts."),
    },
    Value("placedAt", Order.placed_at, "when the customer ordered"),
    ("placedAt",),
    {"total": Value("total", Order.total, "By the total in its own currency: limits in rising order.")},
    {"count": "the number of orders", "total": "the sum of totals, in the currency of groups"},
)


lines = Entity(
    LineItem,
    "LineItem",
    "lin",
    "orders:read",
    columns={
        # Only where prices include tax is it another number than the total.
        "net": cast(func.coalesce(LineItem.net, LineItem.total), Text),
        "unit": func.coalesce(LineItem.unit, OWN_UNIT),
        "unit_quantity": cast(func.trim_scale(func.coalesce(LineItem.unit_quantity, LineItem.quantity)), Text),
    },
    filters={
        "product": filters.identifier(LineItem.product_id, "prod", "By the id of the product (prod_…)."),
        "sku": filters.text(
            Product.sku, "By the tenant's own key of the product.", _with_product, "catalog:read", Product.sku_key
        ),
        "quantity": filters.decimal(LineItem.quantity, "By how many were ordered, in the product's unit."),
        "order": filters.identifier(LineItem.order_id, "ord", "By the id of its order (ord_…)."),
        "total": filters.decimal(LineItem.total, "By what the line costs, whatever its currency."),
        "openQuantity": filters.decimal(OPEN, "By how many are neither shipped nor cancelled, in the product's unit."),
        "productWhere": Referred(
            products, _with_product, "products", "By conditions that its product meets.", products.permission
        ),
    },
    sorts={
        "POSITION": Sort(LineItem.position, "The line's place in its order, from 1."),
        "QUANTITY": Sort(LineItem.quantity, "How many were ordered, whatever the unit."),
        "TOTAL": Sort(LineItem.total, "The line's total, whatever its currency."),
        "PLACED_AT": Sort(_order.placed_at, "The time the customer ordered.", joins=(ORDER,)),
        # Not in the graph's enum: the order of all line items where none is asked for.
        "AGE": Sort(LineItem.id),
    },
    default=(("POSITION", ASC),),
    own=LineItem.customer_id == PARTNER,
    measures=LINE_MEASURES,
    dimensions=LINE_DIMENSIONS,
)


def _has_line(condition: Any) -> Any:
    mine = (LineItem.tenant_id == TENANT) & (LineItem.order_id == Order.id)
    return exists(select(LineItem.id).where(mine, condition).correlate(Order))


def _confirmed_with(condition: Any) -> Any:
    """Whether an order is promised and has a line that fulfils a condition."""
    return and_(Order.status == constant("CONFIRMED"), _has_line(condition))


def _reserved_in(condition: Any) -> Any:
    """Orders for which something is reserved in a warehouse that fulfils a condition."""
    place = Reservation.location_id == Location.id
    mine = (Reservation.tenant_id == TENANT) & (Reservation.line_item_id == LineItem.id)
    line = (LineItem.tenant_id == TENANT) & (LineItem.order_id == Order.id)
    rows = (
        select(Reservation.id)
        .join(Location, and_(Location.tenant_id == TENANT, place))
        .join(LineItem, and_(line, mine))
    )
    return exists(rows.where(mine, condition).correlate(Order))


orders = Entity(
    Order,
    "Order",
    "ord",
    "orders:read",
    filters={
        "id": filters.identifier(Order.id, "ord", "By the order's id (ord_…)."),
        "number": filters.text(
            Order.number, "By the number that people use, such as SO-2026-000087.", folded=Order.number_key
        ),
        "status": filters.choice(Order.status, OrderStatus, "By the order's state."),
        "customer": filters.identifier(Order.customer_id, "par", "By the id of the partner that ordered (par_…)."),
        "total": filters.decimal(Order.total, "By the total's amount, whatever its currency."),
        "placedAt": filters.moment(Order.placed_at, "By the time the customer ordered."),
        "reservationStatus": filters.choice(
            _progress(LineItem.reserved + LineItem.shipped, WANTED),
            Progress,
            "By how much of it is reserved or shipped.",
        ),
        "shipmentStatus": filters.choice(
            _progress(LineItem.shipped, WANTED), Progress, "By how much of it is shipped."
        ),
        "externalId": filters.text(
            Order.external_id, "By its key in another system, such as a shop's.", folded=Order.external_key
        ),
        "waiting": filters.boolean(
            _confirmed_with(LineItem.reserved + LineItem.shipped + LineItem.cancelled < LineItem.quantity),
            "By whether something of it waits for goods.",
        ),
        "readyToShip": filters.boolean(
            _confirmed_with(LineItem.reserved > constant(0)),
            "By whether something is reserved for it that hasn't left yet.",
        ),
        "warehouse": filters.identifier(
            Location.warehouse_id,
            "wh",
            "By the id of a warehouse in which something is reserved for it.",
            _reserved_in,
            "stock:read",
        ),
        "updatedAt": filters.moment(Order.updated_at, "By the time of the last change."),
        "currency": filters.text(Order.currency, "By the currency of its amounts, such as EUR."),
        "customerWhere": Referred(
            partners, _with_customer, "partners", "By conditions that its customer meets.", partners.permission
        ),
        "lineItems": Related(lines, _has_line, "line items", "By conditions that its line items meet."),
    },
    sorts={
        "NUMBER": Sort(Order.number, "The number, character by character in Unicode's order."),
        "PLACED_AT": Sort(Order.placed_at, "The time the customer ordered."),
        "TOTAL": Sort(Order.total, "The total's amount, whatever its currency."),
        "CREATED_AT": Sort(Order.created_at, "The time it was first stored."),
        "UPDATED_AT": Sort(Order.updated_at, "The time of the last change."),
    },
    default=(("PLACED_AT", DESC),),
    own=Order.customer_id == PARTNER,
    search=Order.search,
    measures={
        "count": rows(),
        "customerCount": distinct(Order.customer_id, "partners:read"),
        "total": amounts(Order.total, ORDER_CURRENCY),
        "subtotal": amounts(Order.subtotal, ORDER_CURRENCY),
        "taxTotal": amounts(Order.tax_total, ORDER_CURRENCY),
        "placedAt": moments(Order.placed_at),
    },
    dimensions=ORDER_DIMENSIONS,
)


shipments = Entity(
    Shipment,
    "Shipment",
    "shp",
    "orders:read",
    filters={
        "number": filters.text(Shipment.number, "By its number, such as SO-2026-000087-1."),
        "trackingNumber": filters.text(Shipment.tracking_number, "By the carrier's number."),
        "shippedAt": filters.moment(Shipment.shipped_at, "By the time the goods left."),
        "order": filters.identifier(Shipment.order_id, "ord", "By the id of its order (ord_…)."),
        "status": filters.choice(Shipment.status, ShipmentStatus, "By whether it stands or was cancelled."),
    },
    sorts={
        "SHIPPED_AT": Sort(Shipment.shipped_at, "The time the goods left."),
        "NUMBER": Sort(Shipment.number, "The number, character by character in Unicode's order."),
    },
    default=(("SHIPPED_AT", DESC),),
    own=Shipment.customer_id == PARTNER,
)
shipment_lines = Entity(ShipmentLine, "ShipmentLine", "shl", "orders:read", own=ShipmentLine.customer_id == PARTNER)


# Filters of lines by their orders, which are declared after them, and those that lower modules' lists get from here.
lines.filters["orderWhere"] = Referred(orders, _of_order, "orders", "By conditions that its order meets.")
products.filters["lineItems"] = Related(
    lines,
    _sold,
    "line items",
    "By the lines that it was ordered with; none, with a time, finds what didn't sell.",
    lines.permission,
)
partners.filters["orders"] = Related(orders, _has_ordered, "orders", "By what it ordered.", orders.permission)


class OrderById(One):
    entity = orders


class OrderByNumber(One):
    entity = orders
    key, key_type = "number", KEY_TEXT


class OrderByExternalId(One):
    entity = orders
    key, key_type = "external_id", KEY_TEXT


class LineItemById(One):
    entity = lines


class Orders(Many):
    entity = orders


class OrdersOfPartner(Many):
    entity = orders
    key = "customer_id"


class ShipmentById(One):
    entity = shipments


class Shipments(Many):
    entity = shipments


class ShipmentsOfOrder(Many):
    entity = shipments
    key = "order_id"
    small_fanout = True


class LinesOfShipment(All):
    entity = shipment_lines
    key = "shipment_id"
    order = ("position", "id")


class Lines(Many):
    """By id, which is by age."""

    entity = lines
    default = (("AGE", DESC),)
    unique = "AGE"


class LinesOfOrder(Many):
    entity = lines
    key = "order_id"
    small_fanout = True
    unique = "POSITION"


class LinesOfProduct(Many):
    """By id, which is by age: a position says nothing across orders, and the index has the id."""

    entity = lines
    key = "product_id"
    default = ()


class ProgressOfOrder(One):
    """How far an order's lines are: a row of the fields of ``core.sales.Progress``.

    What was cancelled is not waited for. Reserved counts what is held or has left already; returned
    is measured against what was shipped.
    """

    entity = orders

    def build(self, *, single: bool) -> Select[Any]:
        wanted = func.sum(WANTED)
        shipped = func.sum(LineItem.shipped)
        progress = {
            "reservation": _share(func.sum(LineItem.reserved + LineItem.shipped), wanted),
            "shipment": _share(shipped, wanted),
            "returned": _share(func.sum(LineItem.returned), shipped),
            "held": func.sum(LineItem.reserved) > constant(0),
        }
        columns = [share.label(name) for name, share in progress.items()]
        mine = (LineItem.tenant_id == TENANT) & (LineItem.order_id == self.wanted(single=single))
        return select(LineItem.order_id, *columns).where(mine, *self.visible(lines)).group_by(LineItem.order_id)
