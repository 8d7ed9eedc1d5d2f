"""What the lines of orders bear."""

from loaders.sales import lines
from loaders.taxes import TaxesOfDocument


class TaxesOfOrder(TaxesOfDocument):
    entity = lines
    key = "order_id"
