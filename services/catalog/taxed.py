"""Which tax products have: their own, else their category's. What taxes there are, the module above says."""

from typing import Annotated
from uuid import UUID

from services.kit.command import Id, Key, Ref
from services.kit.hooks import Hook
from services.kit.references import Find


class TaxRef(Ref):
    """Names one tax by one of its keys."""

    prefix = "tax"

    id: Annotated[UUID, Id("tax")] | None = None
    """By the id that the graph gives it (tax_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""


TAXES: Hook[Find[TaxRef]] = Hook()
"""The module above that has taxes finds them."""

TAX_OF = """coalesce({product}.tax_id, (SELECT c.tax_id FROM product_categories c
                             WHERE c.tenant_id = $1 AND c.id = {product}.category_id))"""
"""The tax of a product, as SQL. Categories don't pass theirs on to the ones below: nor do they their cost method."""
