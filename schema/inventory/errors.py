"""What stock is refused for."""

from core.inventory import INSUFFICIENT_STOCK, STALE_STOCK
from loaders.catalog import ProductById
from schema.catalog import Product
from schema.commands import UserError, error_type
from schema.fields import fact, referred
from schema.scalars import Decimal


@error_type("More of a product is requested than is available, or more of a line than is reserved.", INSUFFICIENT_STOCK)
class InsufficientStockError(UserError):
    product: Product = referred("The product that is short.", ProductById, "product_id")
    requested: Decimal = fact("How many the command requests in all, in the product's unit.", "requested")
    available: Decimal = fact("How many the command could get, in the product's unit.", "available")


@error_type("The balance isn't what the caller saw. Count again, and send the new quantity.", STALE_STOCK)
class StaleStockError(UserError):
    expected: Decimal = fact("The balance that the caller saw before the count, in the product's unit.", "expected")
    actual: Decimal = fact("The balance now, in the product's unit.", "actual")
