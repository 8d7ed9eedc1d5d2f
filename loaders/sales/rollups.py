"""The rollups of line items: cells by day, by customer and by product (docs/decisions/0058-rollups-from-the-log.md)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import and_, select, true
from sqlalchemy.orm import aliased

from core.sales import OrderStatus
from db.catalog import Product
from db.partners import Partner
from db.rollups import CLEAN, CUSTOMERS, DAYS, LONG, PRODUCTS, SalesCell
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.dimensions import Dimensions, Value
from loaders.kit.entity import Entity
from loaders.kit.filters import AnyFilter, Clause, Filter, Referred
from loaders.kit.measures import Counted, Join, Measure, RowsOfCells, SumsOfCells, Unit
from loaders.kit.one import TENANT
from loaders.kit.rollups import Cells, Rollup
from loaders.kit.statements import constant
from loaders.partners import partners
from loaders.sales import LINE_DIMENSIONS, LINE_MEASURES, ORDER, Lines, LinesOfProduct

CURRENCY = Unit("currency", SalesCell.currency)
UNIT = Unit("unit", SalesCell.unit)


def _sums(name: str, by: Any, *units: Unit, weight: Any = None) -> SumsOfCells:
    """A measure of lines, of cells that have its sums."""
    of: Any = LINE_MEASURES[name]
    return SumsOfCells(by, units, amount=of.amount, total=of.total, weight=weight, rows=SalesCell.lines)


MEASURES: dict[str, Measure] = {
    "count": RowsOfCells(SalesCell.lines),
    "wantedCount": RowsOfCells(SalesCell.wanted),
    "shippedInFullCount": RowsOfCells(SalesCell.shipped_in_full),
    "quantity": _sums("quantity", SalesCell.quantity, UNIT),
    "shippedQuantity": _sums("shippedQuantity", SalesCell.shipped, UNIT),
    "returnedQuantity": _sums("returnedQuantity", SalesCell.returned, UNIT),
    "cancelledQuantity": _sums("cancelledQuantity", SalesCell.cancelled, UNIT),
    "openQuantity": _sums("openQuantity", SalesCell.open, UNIT),
    "total": _sums("total", SalesCell.total, CURRENCY),
    "openTotal": _sums("openTotal", SalesCell.open_total, CURRENCY),
    "unitPrice": _sums("unitPrice", SalesCell.priced, CURRENCY, UNIT, weight=SalesCell.quantity),
}

ORDERS: dict[str, Measure] = {"orderCount": Counted(SalesCell.orders)}
"""Of cells that have all lines of an order together, but for their units: the cell of its first line has it."""

_customer: Any = aliased(Partner, name="customer")
_CUSTOMER = Join(_customer, and_(_customer.tenant_id == TENANT, _customer.id == SalesCell.customer_id))


def _value(name: str, by: Any, *joins: Join) -> Value:
    return LINE_DIMENSIONS.values[name]._replace(by=by, joins=joins)


_COMMON = {
    "ORDER_STATUS": _value("ORDER_STATUS", SalesCell.status),
    "CURRENCY": _value("CURRENCY", SalesCell.currency),
}
_OF_PRODUCTS = {"PRODUCT": _value("PRODUCT", SalesCell.product_id), "UNIT": _value("UNIT", SalesCell.unit)}
_OF_CUSTOMERS = {
    "CUSTOMER": _value("CUSTOMER", SalesCell.customer_id),
    "CUSTOMER_COUNTRY": _value("CUSTOMER_COUNTRY", _customer.country, _CUSTOMER),
}


class _Passed(Filter):
    """A comparison that all cells of the spans meet that were chosen."""

    def clause(self, _operation: str, _name: str) -> Clause:
        return true()


class _Orders(NamedTuple):
    """Orders, as their lines' cells know them."""

    filters: Mapping[str, AnyFilter]
    typename: str = "Order"
    own: Any = None
    declared: tuple[str, ...] = ()


def _of_product(condition: Clause) -> Clause:
    found = select(Product.id).where(Product.tenant_id == TENANT, condition).correlate(None)
    return SalesCell.product_id.in_(found)


def _of_customer(condition: Clause) -> Clause:
    found = select(Partner.id).where(Partner.tenant_id == TENANT, condition).correlate(None)
    return SalesCell.customer_id.in_(found)


_ORDER_FILTERS: dict[str, AnyFilter] = {
    "status": filters.choice(SalesCell.status, OrderStatus, ""),
    "currency": filters.text(SalesCell.currency, ""),
    "placedAt": _Passed(SalesCell.starts_at, filters.moment(SalesCell.starts_at, "").type),
}
_CUSTOMER_FILTERS: dict[str, AnyFilter] = {
    "customer": filters.identifier(SalesCell.customer_id, "par", ""),
    "customerWhere": Referred(partners, _of_customer, "partners", ""),
}
_PRODUCT_FILTERS: dict[str, AnyFilter] = {
    "product": filters.identifier(SalesCell.product_id, "prod", ""),
    "sku": filters.text(Product.sku, "", _of_product, folded=Product.sku_key),
    "productWhere": Referred(products, _of_product, "products", ""),
}


def _entity(
    values: Mapping[str, Value],
    measures: Mapping[str, Measure],
    of_lines: Mapping[str, AnyFilter],
    of_orders: Mapping[str, AnyFilter],
) -> Entity[SalesCell]:
    """Cells as lines would be: with as much of what lines have as can be said of them."""
    orders = Referred(_Orders(_ORDER_FILTERS | dict(of_orders)), lambda condition: condition, "orders", "")
    moment: Any = LINE_DIMENSIONS.time
    return Entity(
        SalesCell,
        "SalesCell",
        "",
        filters={**of_lines, "orderWhere": orders},
        measures=MEASURES | dict(measures),
        dimensions=Dimensions(
            _COMMON | dict(values),
            moment._replace(by=SalesCell.starts_at, joins=()),
            LINE_DIMENSIONS.moment,
            {},
            LINE_DIMENSIONS.ranked,
        ),
    )


class CellsOfDays(Cells):
    by_month = False
    entity = _entity({}, ORDERS, {}, {})


class CellsOfCustomers(Cells):
    entity = _entity(_OF_CUSTOMERS, ORDERS, {}, _CUSTOMER_FILTERS)


class CellsOfProducts(Cells):
    entity = _entity(_OF_PRODUCTS, {}, _PRODUCT_FILTERS, {})


class CellsOfProduct(CellsOfProducts):
    key = "product_id"


_DRAFT = ORDER.table.status == constant("DRAFT")

Lines.rollups = (
    Rollup(DAYS, CLEAN, CellsOfDays, _DRAFT),
    Rollup(CUSTOMERS, CLEAN, CellsOfCustomers, _DRAFT, LONG[CUSTOMERS]),
    Rollup(PRODUCTS, CLEAN, CellsOfProducts, _DRAFT, LONG[PRODUCTS]),
)
LinesOfProduct.rollups = (Rollup(PRODUCTS, CLEAN, CellsOfProduct, _DRAFT, LONG[PRODUCTS]),)
