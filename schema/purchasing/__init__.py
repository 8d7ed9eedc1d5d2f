"""Buying: who delivers what, what is ordered from them, and what came of it."""

from loaders import purchasing as loaders
from schema.commands import ERRORS
from schema.module import Module
from schema.purchasing.reading import PartnerPurchasing, ProductPurchasing, Query
from schema.purchasing.receipts import PurchaseOrderReceipts, StockMovePurchasing
from schema.purchasing.writing import Mutation, OverQuantityError, PurchaseTransitionError

MODULE = Module(
    "purchasing",
    Query,
    requires=("catalog", "partners", "inventory"),
    mutation=Mutation,
    extends=(ProductPurchasing, PartnerPurchasing, PurchaseOrderReceipts, StockMovePurchasing),
    nodes=(loaders.ProductSupplierById, loaders.PurchaseOrderById, loaders.PurchaseLineById, loaders.ReceiptById),
    types=(*ERRORS, PurchaseTransitionError, OverQuantityError),
)
