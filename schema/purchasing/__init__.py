"""Buying: who delivers what, what is ordered from them, what came of it, and what is to be ordered again."""

from strawberry.tools import merge_types

from loaders import purchasing as loaders
from schema.commands import ERRORS
from schema.module import Module
from schema.purchasing.reading import PartnerPurchasing, ProductPurchasing, PurchaseQuery
from schema.purchasing.receipts import PurchaseOrderReceipts, StockMovePurchasing, StockMoveWhereReceipt
from schema.purchasing.reordering import ProductReordering, ReorderQuery
from schema.purchasing.settings import SettingsMutation, SettingsQuery
from schema.purchasing.writing import Mutation, OverQuantityError, PurchaseTransitionError

MODULE = Module(
    "purchasing",
    merge_types("PurchasingQuery", (PurchaseQuery, ReorderQuery, SettingsQuery)),
    requires=("catalog", "partners", "taxes", "inventory"),
    mutation=merge_types("PurchasingMutation", (Mutation, SettingsMutation)),
    extends=(
        *(ProductPurchasing, ProductReordering, PartnerPurchasing, PurchaseOrderReceipts, StockMovePurchasing),
        StockMoveWhereReceipt,
    ),
    nodes=(
        *(loaders.ProductSupplierById, loaders.PurchaseOrderById, loaders.PurchaseLineById, loaders.ReceiptById),
        loaders.ReorderRuleById,
    ),
    types=(*ERRORS, PurchaseTransitionError, OverQuantityError),
)
