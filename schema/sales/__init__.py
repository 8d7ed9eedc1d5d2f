"""Orders and their line items."""

from loaders import sales as loaders
from schema.module import Module
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
from schema.sales.writing import InvalidTransitionError, Mutation

MODULE = Module(
    "sales",
    Query,
    requires=("catalog", "partners", "inventory"),
    mutation=Mutation,
    extends=(
        ProductSales,
        PartnerSales,
        StockMoveSales,
        StockDifferenceSales,
        LineItemWhereOrder,
        ProductWhereLines,
        PartnerWhereOrders,
    ),
    nodes=(loaders.OrderById, loaders.LineItemById),
    types=(InvalidTransitionError,),
)
