"""Orders and their line items."""

from strawberry.tools import merge_types

from loaders import sales as loaders
from loaders.sales import rollups  # noqa: F401 - it says where sums of line items may come from
from loaders.sales.holds import HoldById
from schema.module import Module
from schema.sales.holds import HoldMutation, HoldQuery
from schema.sales.lots import LineItemHolds, LotSales, OrderWhereLot, ShipmentLineLot
from schema.sales.previews import PreviewQuery
from schema.sales.reading import (
    LineItemWhereOrder,
    PartnerSales,
    PartnerWhereOrders,
    ProductSales,
    ProductWhereLines,
    Query,
    StockDifferenceSales,
    StockMoveSales,
)
from schema.sales.shipments import OrderPayloadShipment, OrderShipments, ShipmentMutation, ShipmentQuery
from schema.sales.writing import InvalidTransitionError, Mutation, StockPayloadOrders

MODULE = Module(
    "sales",
    merge_types("Query", (Query, ShipmentQuery, HoldQuery, PreviewQuery)),
    requires=("catalog", "partners", "taxes", "pricing", "inventory"),
    mutation=merge_types("Mutation", (Mutation, ShipmentMutation, HoldMutation)),
    extends=(
        ProductSales,
        PartnerSales,
        StockMoveSales,
        StockDifferenceSales,
        LineItemWhereOrder,
        ProductWhereLines,
        PartnerWhereOrders,
        OrderShipments,
        OrderPayloadShipment,
        StockPayloadOrders,
        LineItemHolds,
        ShipmentLineLot,
        LotSales,
        OrderWhereLot,
    ),
    nodes=(loaders.OrderById, loaders.LineItemById, loaders.ShipmentById, HoldById),
    types=(InvalidTransitionError,),
)
