"""Buying: who delivers what, and what is ordered from them."""

from services import catalog
from services.purchasing.commands import (
    ProductSupplierUpsert,
    PurchaseOrderCancel,
    PurchaseOrderConfirm,
    PurchaseOrderCreate,
    PurchaseOrderReceive,
    PurchaseOrderRef,
    PurchaseOrderReturn,
    PurchaseOrderUpdate,
)
from services.purchasing.drafts import create
from services.purchasing.orders import cancel, confirm, update
from services.purchasing.receiving import receive
from services.purchasing.returning import send_back
from services.purchasing.suppliers import upsert_supplier

HOOKS = (
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("purchase_lines", "purchase order lines")),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("product_suppliers", "suppliers")),
)

__all__ = [
    "HOOKS",
    "ProductSupplierUpsert",
    "PurchaseOrderCancel",
    "PurchaseOrderConfirm",
    "PurchaseOrderCreate",
    "PurchaseOrderReceive",
    "PurchaseOrderRef",
    "PurchaseOrderReturn",
    "PurchaseOrderUpdate",
    "cancel",
    "confirm",
    "create",
    "receive",
    "send_back",
    "update",
    "upsert_supplier",
]
