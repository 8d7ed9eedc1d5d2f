"""What the lines of orders bear."""

from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, distinct, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from db.sales import LineItem
from db.taxes import Tax
from loaders.kit.all import All
from loaders.kit.one import TENANT
from loaders.kit.statements import constant, value
from loaders.sales import lines


class TaxesOfOrder(All):
    """What the lines of an order come to that bear the same category and rate of tax, and why there is none."""

    entity = lines
    key = "order_id"

    def build(self) -> Select[Any]:
        """Lines without a tax are in none of the sums."""
        mine = (LineItem.tenant_id == TENANT, *self.visible(), LineItem.order_id == any_(value("keys", ARRAY(Uuid()))))
        why: Any = Tax.exemption_reason.collate("C")
        reason = func.string_agg(distinct(why), aggregate_order_by(constant("; "), why)).label("reason")
        return (
            select(
                Tax.category,
                Tax.rate,
                func.sum(LineItem.total).label("total"),
                reason,
                LineItem.order_id.label("key"),
            )
            .join(Tax, and_(Tax.tenant_id == TENANT, Tax.id == LineItem.tax_id))
            .where(*mine)
            .group_by(LineItem.order_id, Tax.category, Tax.rate)
            .order_by(LineItem.order_id, Tax.category, Tax.rate)
        )
