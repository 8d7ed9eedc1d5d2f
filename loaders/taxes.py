"""Taxes, groups of partners that are taxed alike, and what the lines of documents bear."""

from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, distinct, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from db.base import KEY_TEXT
from db.taxes import Tax, TaxGroup, TaxSubstitution
from loaders.kit.all import All
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant, value

taxes = Entity(Tax, "Tax", "tax", "pricing:read", sorts={"CODE": Sort(Tax.code)}, default=(("CODE", ASC),))
groups = Entity(
    TaxGroup, "TaxGroup", "txg", "pricing:read", sorts={"CODE": Sort(TaxGroup.code)}, default=(("CODE", ASC),)
)
substitutions = Entity(TaxSubstitution, "TaxSubstitution", "txs", "pricing:read")


class TaxById(One):
    entity = taxes


class TaxByCode(One):
    entity = taxes
    key, key_type = "code", KEY_TEXT


class Taxes(Many):
    entity = taxes
    unique = "CODE"


class TaxGroupById(One):
    entity = groups


class TaxGroupByCode(One):
    entity = groups
    key, key_type = "code", KEY_TEXT


class TaxGroups(Many):
    entity = groups
    unique = "CODE"


class SubstitutionsOfGroup(All):
    entity = substitutions
    key = "tax_group_id"
    order = ("position",)


class TaxesOfDocument(All):
    """What the lines of a document come to that bear the same category and rate of tax, and why there is none. ``entity`` are the
    lines, which have a ``total`` and a ``tax_id``, and ``key`` their document's column.
    """

    def build(self) -> Select[Any]:
        """Lines without a tax are in none of the sums."""
        line: Any = self.entity.model
        document = getattr(line, self.key)
        mine = (line.tenant_id == TENANT, *self.visible(), document == any_(value("keys", ARRAY(Uuid()))))
        why: Any = Tax.exemption_reason.collate("C")
        reason = func.string_agg(distinct(why), aggregate_order_by(constant("; "), why)).label("reason")
        sums = (func.sum(line.total).label("total"), reason, document.label("key"))
        return (
            select(Tax.category, Tax.rate, *sums)
            .join(Tax, and_(Tax.tenant_id == TENANT, Tax.id == line.tax_id))
            .where(*mine)
            .group_by(document, Tax.category, Tax.rate)
            .order_by(document, Tax.category, Tax.rate)
        )
