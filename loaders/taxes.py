"""Taxes, and groups of partners that are taxed alike."""

from db.base import KEY_TEXT
from db.taxes import Tax, TaxGroup, TaxSubstitution
from loaders.kit.all import All
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One

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
