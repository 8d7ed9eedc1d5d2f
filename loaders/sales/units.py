"""What of lines is open, and what they cost, whatever unit they were ordered in: quantities are in the product's own, and a price is that of
one of what the line was ordered in.
"""

from sqlalchemy import case, func, select

from core.money import SCALE
from db.base import Amount
from db.catalog import Product
from db.sales import LineItem
from loaders.kit.one import TENANT
from loaders.kit.statements import constant

OPEN = LineItem.quantity - LineItem.shipped - LineItem.cancelled
"""What of a line is neither shipped nor cancelled."""

IN_OTHER_UNIT = LineItem.unit_quantity.is_not(None)
OPEN_COST = case(
    (IN_OTHER_UNIT, OPEN * LineItem.unit_quantity * LineItem.unit_price / LineItem.quantity),
    else_=OPEN * LineItem.unit_price,
)
OWN_PRICE = case(
    (
        IN_OTHER_UNIT,
        func.round(LineItem.unit_price * LineItem.unit_quantity / LineItem.quantity, constant(SCALE), type_=Amount()),
    ),
    else_=LineItem.unit_price,
)
PRICED = LineItem.unit_price * func.coalesce(LineItem.unit_quantity, LineItem.quantity)
OWN_UNIT = (
    select(Product.unit)
    .where(Product.tenant_id == TENANT, Product.id == LineItem.product_id)
    .correlate(LineItem)
    .scalar_subquery()
)
