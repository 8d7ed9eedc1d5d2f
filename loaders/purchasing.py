"""Who delivers what, and purchase orders with their lines."""

from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Uuid, and_, any_, case, cast, exists, func, select, union_all

from core.purchasing import PurchaseStatus
from db.base import KEY_TEXT
from db.catalog import Product
from db.inventory import StockMove
from db.purchasing import (
    ProductSupplier,
    PurchaseLine,
    PurchaseOrder,
    PurchaseReturnLine,
    PurchaseSettings,
    Receipt,
    ReceiptLine,
    ReorderRule,
)
from db.reordering import PROPOSALS
from loaders.inventory import moves
from loaders.kit import filters
from loaders.kit.all import All
from loaders.kit.base import Context
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.filters import Related
from loaders.kit.many import Many
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant, value
from loaders.taxes import TaxesOfDocument


def _with_product(condition: Any) -> Any:
    """Lines whose product fulfils a condition."""
    return PurchaseLine.product_id.in_(select(Product.id).where(Product.tenant_id == TENANT, condition).correlate(None))


def _of_order(condition: Any) -> Any:
    """Lines whose order fulfils a condition."""
    mine = select(PurchaseOrder.id).where(PurchaseOrder.tenant_id == TENANT, condition).correlate(None)
    return PurchaseLine.purchase_order_id.in_(mine)


def _has_line(condition: Any) -> Any:
    """Orders of which there is a line that fulfils a condition."""
    mine = and_(PurchaseLine.tenant_id == TENANT, PurchaseLine.purchase_order_id == PurchaseOrder.id)
    return exists(select(PurchaseLine.id).where(mine, condition).correlate(PurchaseOrder))


OPEN = func.greatest(PurchaseLine.base_quantity - PurchaseLine.cancelled - PurchaseLine.received, constant(0))
"""What of a line is still to come."""

suppliers = Entity(
    ProductSupplier,
    "ProductSupplier",
    "psu",
    "purchasing:read",
    sorts={
        "PRIORITY": Sort(ProductSupplier.priority),
        "PRICE": Sort(ProductSupplier.price, nullable=True),
    },
    default=(("PRIORITY", ASC), ("PRICE", ASC)),
)
lines = Entity(
    PurchaseLine,
    "PurchaseLine",
    "pul",
    "purchasing:read",
    columns={"expected_on": cast(PurchaseLine.expected_on, Text)},
    filters={
        "product": filters.identifier(PurchaseLine.product_id, "prod", "By the id of the product (prod_…)."),
        "sku": filters.text(
            Product.sku, "By the tenant's own key of the product.", _with_product, "catalog:read", Product.sku_key
        ),
        "status": filters.choice(PurchaseOrder.status, PurchaseStatus, "By the state of its order.", within=_of_order),
        "expectedOn": filters.day(PurchaseLine.expected_on, "By the day when it is expected."),
        "open": filters.decimal(OPEN, "By how many are still to come, in the product's unit."),
    },
    sorts={
        "POSITION": Sort(PurchaseLine.position, "The line's place in its order, from 1."),
        "EXPECTED_ON": Sort(
            PurchaseLine.expected_on, "The day when it is expected; none counts as the latest.", nullable=True
        ),
    },
    default=(("POSITION", ASC),),
)
orders = Entity(
    PurchaseOrder,
    "PurchaseOrder",
    "pur",
    "purchasing:read",
    columns={"expected_on": cast(PurchaseOrder.expected_on, Text)},
    filters={
        "id": filters.identifier(PurchaseOrder.id, "pur", "By the purchase order's id (pur_…)."),
        "number": filters.text(
            PurchaseOrder.number,
            "By the number that people use, such as PO-2026-000087.",
            folded=PurchaseOrder.number_key,
        ),
        "status": filters.choice(PurchaseOrder.status, PurchaseStatus, "By the purchase order's state."),
        "supplier": filters.identifier(PurchaseOrder.supplier_id, "par", "By the id of the supplier (par_…)."),
        "total": filters.decimal(PurchaseOrder.total, "By the total's amount, whatever its currency."),
        "orderedAt": filters.moment(PurchaseOrder.ordered_at, "By the time when it was ordered."),
        "expectedOn": filters.day(PurchaseOrder.expected_on, "By the day when its goods are expected."),
        "lines": Related(lines, _has_line, "lines", "By conditions that its lines meet."),
    },
    sorts={
        "NUMBER": Sort(PurchaseOrder.number, "The number, character by character in Unicode's order."),
        "ORDERED_AT": Sort(PurchaseOrder.ordered_at, "The time when it was ordered."),
        "EXPECTED_ON": Sort(
            PurchaseOrder.expected_on, "The day when its goods are expected; none counts as the latest.", nullable=True
        ),
        "TOTAL": Sort(PurchaseOrder.total, "The total's amount, whatever its currency."),
        "UPDATED_AT": Sort(PurchaseOrder.updated_at, "The time of the last change."),
    },
    default=(("ORDERED_AT", DESC),),
    search=PurchaseOrder.search,
)


rules = Entity(
    ReorderRule,
    "ReorderRule",
    "ror",
    "purchasing:read",
)


settings = Entity(PurchaseSettings, "PurchaseSettings", "pse", "purchasing:read")


class SettingsOfTenant(One):
    """No row for a tenant that has set nothing."""

    entity = settings
    key = "tenant_id"

    def build(self, *, single: bool) -> Select[Any]:  # noqa: ARG002 - there is one tenant
        columns = [self.entity.column(name) for name in self.columns]
        return select(PurchaseSettings.tenant_id, *columns).where(PurchaseSettings.tenant_id == TENANT)


class ReorderRuleById(One):
    entity = rules


class RulesOfProduct(Many):
    """Counted, for the price of what reads all of them."""

    counted = True
    entity = rules
    key = "product_id"
    small_fanout = True


async def proposals(context: Context, warehouse: UUID | None, supplier: UUID | None, limit: int) -> list[Any]:
    """What is to be ordered again now, at most ``limit``."""
    start, narrowed = perf_counter(), (None, warehouse, supplier, limit, False)
    rows = await context.reader.fetch(PROPOSALS, context.reader.tenant, *narrowed)
    if context.trace is not None:
        context.trace.batch("Proposals", 1, len(rows), PROPOSALS, perf_counter() - start)
    return rows


class ProductSupplierById(One):
    entity = suppliers


class SuppliersOfProduct(Many):
    entity = suppliers
    key = "product_id"
    small_fanout = True


class SuppliesOfPartner(Many):
    entity = suppliers
    key = "supplier_id"


class PurchaseOrderById(One):
    entity = orders


class PurchaseOrderByNumber(One):
    entity = orders
    key, key_type = "number", KEY_TEXT


class PurchaseOrderByExternalId(One):
    entity = orders
    key, key_type = "external_id", KEY_TEXT


class PurchaseOrders(Many):
    entity = orders


class PurchaseOrdersOfPartner(Many):
    entity = orders
    key = "supplier_id"


class PurchaseLineById(One):
    entity = lines


class PurchaseLines(Many):
    """The earliest expected first."""

    entity = lines
    default = (("EXPECTED_ON", ASC),)


class LinesOfPurchaseOrder(Many):
    entity = lines
    key = "purchase_order_id"
    small_fanout = True
    unique = "POSITION"


class PurchaseLinesOfProduct(Many):
    """By id, which is by age: a position says nothing across orders."""

    entity = lines
    key = "product_id"
    default = ()


receipts = Entity(
    Receipt,
    "Receipt",
    "rcp",
    "purchasing:read",
    sorts={"RECEIVED_AT": Sort(Receipt.received_at)},
    default=(("RECEIVED_AT", DESC),),
)
receipt_lines = Entity(ReceiptLine, "ReceiptLine", "rcl", "purchasing:read")


def _received(condition: Any) -> Any:
    """Moves that brought goods of a receipt's line that fulfils a condition: they have the lines' ids."""
    return StockMove.id.in_(select(ReceiptLine.id).where(ReceiptLine.tenant_id == TENANT, condition).correlate(None))


moves.filters["receipt"] = filters.identifier(
    ReceiptLine.receipt_id, "rcp", "By the id of the receipt (rcp_…).", _received, "purchasing:read"
)


class ReceiptById(One):
    entity = receipts


class ReceiptsOfPurchaseOrder(Many):
    entity = receipts
    key = "purchase_order_id"
    small_fanout = True


class LinesOfReceipt(All):
    entity = receipt_lines
    key = "receipt_id"
    order = ("position", "id")


class MovesOfReceipt(Many):
    """The moves whose ids the receipt's lines have."""

    entity = moves
    key = "receipt_id"
    small_fanout = True

    def _parent(self) -> Any:
        mine = and_(ReceiptLine.tenant_id == TENANT, ReceiptLine.id == StockMove.id)
        return select(ReceiptLine.receipt_id).where(mine).correlate(StockMove).scalar_subquery()

    def of_level(self) -> Any:
        return self.of_parent(any_(value("keys", ARRAY(Uuid()))))

    def of_parent(self, key: Any) -> Any:
        """By the lines' index: to ask of each move whose it is would read the whole ledger."""
        mine = and_(ReceiptLine.tenant_id == TENANT, ReceiptLine.receipt_id == key)
        return StockMove.id.in_(select(ReceiptLine.id).where(mine).correlate_except(ReceiptLine))


class ReceiptOfMove(One):
    """The receipt that a move belongs to; no row for another one."""

    entity = receipts

    def build(self, *, single: bool) -> Select[Any]:
        columns = [self.entity.column(name) for name in self.columns]
        mine = (Receipt.tenant_id == TENANT, ReceiptLine.tenant_id == TENANT, ReceiptLine.receipt_id == Receipt.id)
        return select(ReceiptLine.id.label("move"), *columns).where(*mine, ReceiptLine.id == self.wanted(single=single))


class PurchaseLineOfMove(One):
    """The purchase order's line that a move was made for; no row for another one."""

    entity = lines

    def build(self, *, single: bool) -> Select[Any]:
        columns = [self.entity.column(name) for name in self.columns]
        moved = union_all(
            *(
                select(table.id, table.purchase_line_id).where(
                    table.tenant_id == TENANT, table.id == self.wanted(single=single)
                )
                for table in (ReceiptLine, PurchaseReturnLine)
            )
        ).subquery("moved")
        line = and_(PurchaseLine.tenant_id == TENANT, PurchaseLine.id == moved.c.purchase_line_id)
        return select(moved.c.id.label("move"), *columns).select_from(moved).join(PurchaseLine, line)


class ProgressOfPurchase(One):
    """How much has come of what is wanted of a purchase order, and whether anything can go back."""

    entity = orders

    def build(self, *, single: bool) -> Select[Any]:
        came, wanted = func.sum(PurchaseLine.received), func.sum(PurchaseLine.base_quantity - PurchaseLine.cancelled)
        share = case(
            (came <= constant(0), constant("NONE")), (came < wanted, constant("PARTIAL")), else_=constant("FULL")
        )
        of_order = PurchaseLine.purchase_order_id == self.wanted(single=single)
        mine = (PurchaseLine.tenant_id == TENANT, of_order)
        order = PurchaseLine.purchase_order_id
        left = func.sum(PurchaseLine.received - PurchaseLine.returned) > constant(0)
        return select(order, share.label("receipt"), left.label("returnable")).where(*mine).group_by(order)


class TaxesOfPurchase(TaxesOfDocument):
    """What the lines of a purchase order bear."""

    entity = lines
    key = "purchase_order_id"
