"""Buying: suppliers of products, and what is ordered from them."""

from services import catalog, taxes
from services.purchasing import orders, rules, suppliers
from services.purchasing.commands import (
    ProductSupplierUpsert,
    PurchaseOrderCancel,
    PurchaseOrderConfirm,
    PurchaseOrderCreate,
    PurchaseOrderReceive,
    PurchaseOrderRef,
    PurchaseOrderReturn,
    PurchaseOrderUpdate,
    ReorderRuleUpsert,
    Replenish,
)
from services.purchasing.drafts import create
from services.purchasing.orders import cancel, confirm, update
from services.purchasing.receiving import receive
from services.purchasing.replenishing import replenish
from services.purchasing.returning import send_back
from services.purchasing.rules import upsert_rule
from services.purchasing.settings import PurchaseSettingsUpdate, update_settings
from services.purchasing.suppliers import upsert_supplier

HOOKS = (
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("purchase_lines", "purchase order lines")),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("product_suppliers", "suppliers")),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("reorder_rules", "reorder rules")),
    *(catalog.FINER.add(each) for each in (orders.FINER, rules.FINER, suppliers.FINER)),
    taxes.BORNE_BY.add(catalog.Counted("purchase_lines", "purchase order lines")),
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
    "PurchaseSettingsUpdate",
    "ReorderRuleUpsert",
    "Replenish",
    "cancel",
    "confirm",
    "create",
    "receive",
    "replenish",
    "send_back",
    "update",
    "update_settings",
    "upsert_rule",
    "upsert_supplier",
]
