"""What orders and line items add up to, as lists and in groups."""

import strawberry

from core.sales import OrderStatus
from loaders import sales as loaders
from loaders.catalog import ProductById
from loaders.partners import PartnerById
from schema import groups
from schema.aggregates import (
    DateTimeAggregate,
    MoneyAggregate,
    PriceAggregate,
    QuantityAggregate,
    counted,
    spanned,
    summed,
)
from schema.catalog import Product
from schema.groups import Band, Period, count_of_groups, group_nodes, key_part, key_record, key_value, zone_of_periods
from schema.inputs import enum_type
from schema.partners import Partner
from schema.scalars import CurrencyCode, Decimal, TimeZone

enum_type(OrderStatus)


@strawberry.type(description="Sums over orders.")
class OrderAggregate:
    count: int = counted(loaders.orders, "count", "The number of orders.")
    customer_count: int = counted(loaders.orders, "customerCount", "The number of different customers.")
    total: list[MoneyAggregate] = summed(loaders.orders, "total", "What customers pay, in each currency.")
    subtotal: list[MoneyAggregate] = summed(loaders.orders, "subtotal", "The amounts before tax, in each currency.")
    tax_total: list[MoneyAggregate] = summed(loaders.orders, "taxTotal", "The taxes, in each currency.")
    placed_at: DateTimeAggregate = spanned(loaders.orders, "placedAt", "When the first and the last were placed.")


@strawberry.type(description="Sums over line items.")
class LineItemAggregate:
    count: int = counted(loaders.lines, "count", "The number of lines.")
    order_count: int = counted(loaders.lines, "orderCount", "The number of different orders that the lines are of.")
    product_count: int = counted(loaders.lines, "productCount", "The number of different products.")
    customer_count: int = counted(loaders.lines, "customerCount", "The number of different customers.")
    wanted_count: int = counted(
        loaders.lines,
        "wantedCount",
        "The number of lines that aren't cancelled as a whole: what fill rates are measured against.",
    )
    shipped_in_full_count: int = counted(
        loaders.lines, "shippedInFullCount", "The number of wanted lines of which all that isn't cancelled is shipped."
    )
    quantity: list[QuantityAggregate] = summed(loaders.lines, "quantity", "What was ordered, in each unit.")
    shipped_quantity: list[QuantityAggregate] = summed(
        loaders.lines, "shippedQuantity", "What was shipped, in each unit."
    )
    returned_quantity: list[QuantityAggregate] = summed(
        loaders.lines, "returnedQuantity", "What of it came back, in each unit."
    )
    cancelled_quantity: list[QuantityAggregate] = summed(
        loaders.lines, "cancelledQuantity", "What was cancelled before it was shipped, in each unit."
    )
    open_quantity: list[QuantityAggregate] = summed(
        loaders.lines, "openQuantity", "What is neither shipped nor cancelled, in each unit."
    )
    total: list[MoneyAggregate] = summed(loaders.lines, "total", "What the lines cost, in each currency.")
    open_total: list[MoneyAggregate] = summed(
        loaders.lines,
        "openTotal",
        "What is neither shipped nor cancelled x unitPrice, rounded for each line, in each currency.",
    )
    unit_price: list[PriceAggregate] = summed(
        loaders.lines, "unitPrice", "The prices of one of the products' own units, in each currency and for each unit."
    )


@strawberry.type(description="What the rows of a group have in common: the fields that by names, and no others.")
class OrderGroupKey:
    customer: Partner | None = key_record("customer", PartnerById, "The partner who ordered.")
    customer_country: str | None = key_value(
        "customerCountry", "The country of the partner who ordered; null where unknown.", "partners:read"
    )
    status: OrderStatus | None = key_value("status", "The state of the orders.")
    currency: CurrencyCode | None = key_value("currency", "The ISO 4217 code of all their amounts.")
    placed_at: Period | None = key_part("placedAt", "The period in which they were ordered.")
    placed_at_part: int | None = key_value("placedAtPart", "The part of the time at which they were ordered.")
    age: Band | None = key_part("age", "How many whole days ago they were ordered.")
    total: Band | None = key_part("total", "How much they cost, in their own currency.")


@strawberry.type(description="Orders that have something in common.")
class OrderGroup:
    key: OrderGroupKey = groups.common()
    aggregate: OrderAggregate = groups.sums()
    rank: int = groups.rank()
    share: Decimal | None = groups.share()
    cumulative_share: Decimal | None = groups.cumulative_share()


@strawberry.type(description="What is left of orders beyond the first groups.")
class OrderRest:
    group_count: int = groups.groups_in_rest()
    aggregate: OrderAggregate = groups.sums_of_rest()


@strawberry.type(description="Groups of orders: the first of them, the rest, and all.")
class OrderGroups:
    nodes: list[OrderGroup] = group_nodes()
    group_count: int = count_of_groups()
    other: OrderRest | None = groups.rest()
    total: OrderAggregate = groups.total()
    time_zone: TimeZone = zone_of_periods()


@strawberry.type(description="What the rows of a group have in common: the fields that by names, and no others.")
class LineItemGroupKey:
    product: Product | None = key_record("product", ProductById, "The product that was ordered.")
    customer: Partner | None = key_record("customer", PartnerById, "The partner who ordered.")
    customer_country: str | None = key_value(
        "customerCountry", "The country of the partner who ordered; null where unknown.", "partners:read"
    )
    order_status: OrderStatus | None = key_value("orderStatus", "The state of the orders.")
    currency: CurrencyCode | None = key_value("currency", "The ISO 4217 code of all their amounts.")
    unit: str | None = key_value("unit", "The unit of the products.", "catalog:read")
    placed_at: Period | None = key_part("placedAt", "The period in which they were ordered.")
    placed_at_part: int | None = key_value("placedAtPart", "The part of the time at which they were ordered.")
    age: Band | None = key_part("age", "How many whole days ago they were ordered.")
    quantity: Band | None = key_part("quantity", "How many were ordered.")


@strawberry.type(description="Line items that have something in common.")
class LineItemGroup:
    key: LineItemGroupKey = groups.common()
    aggregate: LineItemAggregate = groups.sums()
    rank: int = groups.rank()
    share: Decimal | None = groups.share()
    cumulative_share: Decimal | None = groups.cumulative_share()
    groups: "LineItemGroups" = groups.inner_groups(loaders.lines, "line items")


@strawberry.type(description="What is left of line items beyond the first groups.")
class LineItemRest:
    group_count: int = groups.groups_in_rest()
    aggregate: LineItemAggregate = groups.sums_of_rest()


@strawberry.type(description="Groups of line items: the first of them, the rest, and all.")
class LineItemGroups:
    nodes: list[LineItemGroup] = group_nodes()
    group_count: int = count_of_groups()
    other: LineItemRest | None = groups.rest()
    total: LineItemAggregate = groups.total()
    time_zone: TimeZone = zone_of_periods()
