"""Taxes, groups of partners that are taxed alike, and what products and partners have of them."""

import strawberry

from core.taxes import TaxCategory
from db import catalog as catalog_tables
from db import partners as partner_tables
from db import taxes as tables
from execution import extends
from loaders import taxes as loaders
from resolvers import columns
from resolvers.relations import everything
from schema.catalog import Product, ProductCategory
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choice, column, fact, lookup, many, moment, node_id, node_type, one, referred
from schema.inputs import enum_type, input_type
from schema.module import Module
from schema.partners import Partner
from schema.scalars import DateTime, Decimal
from schema.shared import Connection, Money, Node
from services import catalog as catalog_services
from services import partners as partner_services
from services import taxes as services

enum_type(TaxCategory)
TaxRef = input_type(catalog_services.TaxRef)
TaxGroupRef = input_type(partner_services.TaxGroupRef)
input_type(services.TaxSubstitution)


@node_type(loaders.taxes, "A tax as a line of a document bears it. A new rate is a new tax: documents keep theirs.")
class Tax(Node):
    id: strawberry.ID = node_id(loaders.taxes)
    code: str = column(tables.Tax.code, "The tenant's own key of the tax; unique.")
    name: str = column(tables.Tax.name, "Its name as people read it; not unique.")
    category: TaxCategory = choice(tables.Tax.category, TaxCategory, "What kind of supply it stands for.")
    rate: Decimal = column(tables.Tax.rate, "In per cent; above zero for S, any for L and M, and 0 for the others.")
    reverse_rate: Decimal | None = column(
        tables.Tax.reverse_rate, "The per cent that the buyer owes itself (AE, K); null for none."
    )
    exemption_code: str | None = column(
        tables.Tax.exemption_code, "The VATEX code of its exemption; null where there is none."
    )
    exemption_reason: str | None = column(
        tables.Tax.exemption_reason, "What invoices say of it: E, AE, K, G and O have one; null for the others."
    )
    active: bool = column(tables.Tax.active, "Whether new lines may bear it.")
    version: int = column(tables.Tax.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.Tax.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.Tax.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


def _amount(description: str, name: str) -> Money:
    made: Money = batched(description, columns.money(name, "currency", total=True), needs=(name, "currency"), cost=0)
    return made


@strawberry.type(description="The tax on all lines of a document that bear the same category and rate, rounded once.")
class TaxTotal:
    category: TaxCategory = fact("The category of the lines.", "category")
    rate: Decimal = fact("In per cent.", "rate")
    base: Money = _amount("What the lines cost before tax.", "base")
    amount: Money = _amount(
        "base x rate, rounded half up to the currency's minor digits; where prices include tax, what of them is tax.",
        "amount",
    )
    exemption_reason: str | None = fact("Why there is none; null where there is.", "exemption_reason")


@node_type(loaders.substitutions, "A tax that takes the place of another one.")
class TaxSubstitution:
    from_: Tax | None = referred(
        "The product's tax; null: any that no other substitution names.", loaders.TaxById, "from_tax_id", name="from"
    )
    to: Tax = one(tables.TaxSubstitution.to_tax_id, loaders.TaxById, "The tax that its line bears in its place.")


@node_type(loaders.groups, "Partners that are taxed alike, such as businesses in other countries of the EU.")
class TaxGroup(Node):
    id: strawberry.ID = node_id(loaders.groups)
    code: str = column(tables.TaxGroup.code, "The tenant's own key of the group; unique.")
    name: str = column(tables.TaxGroup.name, "Its name as people read it; not unique.")
    substitutions: list[TaxSubstitution] = batched(
        "What becomes of products' taxes for these partners; other taxes stay as they are.",
        everything(loaders.SubstitutionsOfGroup, "id"),
        needs=["id"],
        size=services.MAX_SUBSTITUTIONS,
    )
    version: int = column(tables.TaxGroup.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.TaxGroup.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.TaxGroup.updated_at, "When it or one of its substitutions was last changed.")
    events: Connection[Event] = timeline()


@extends(Product)
class ProductTax:
    tax: Tax | None = one(
        catalog_tables.Product.tax_id, loaders.TaxById, "The tax that lines with it bear; null for its category's."
    )


@extends(ProductCategory)
class ProductCategoryTax:
    tax: Tax | None = one(
        catalog_tables.ProductCategory.tax_id,
        loaders.TaxById,
        "The tax that lines with its products bear, where these have none of their own; null for none. Categories below have their"
        " own.",
    )


@extends(Partner)
class PartnerTax:
    tax_group: TaxGroup | None = one(
        partner_tables.Partner.tax_group_id,
        loaders.TaxGroupById,
        "What becomes of products' taxes for it; null: they stay as they are.",
    )


@strawberry.type
class Query:
    tax: Tax | None = lookup(
        "A tax by one of its keys; null where there is none.",
        TaxRef,
        {"id": loaders.TaxById, "code": loaders.TaxByCode},
    )
    taxes: Connection[Tax] = many("The tenant's taxes, by code.", loaders.Taxes)
    tax_group: TaxGroup | None = lookup(
        "A tax group by one of its keys; null where there is none.",
        TaxGroupRef,
        {"id": loaders.TaxGroupById, "code": loaders.TaxGroupByCode},
    )
    tax_groups: Connection[TaxGroup] = many("The tenant's tax groups, by code.", loaders.TaxGroups)


@strawberry.type(description="The created or changed tax, or the problems.")
class TaxPayload:
    tax: Tax | None = referred(changed("The tax"), loaders.TaxById, "tax_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The created or changed tax group, or the problems.")
class TaxGroupPayload:
    tax_group: TaxGroup | None = referred(changed("The group"), loaders.TaxGroupById, "tax_group_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    tax_upsert: TaxPayload | None = mutation(
        "Creates the tax with this code, or changes it. Does nothing where it already has these values.",
        services.TaxUpsert,
        services.upsert_tax,
        "pricing:write",
    )
    tax_group_upsert: TaxGroupPayload | None = mutation(
        "Creates the tax group with this code, or changes it. Lines that are there keep their taxes.",
        services.TaxGroupUpsert,
        services.upsert_group,
        "pricing:write",
    )


MODULE = Module(
    "taxes",
    Query,
    requires=("catalog", "partners"),
    mutation=Mutation,
    extends=(ProductTax, ProductCategoryTax, PartnerTax),
    nodes=(loaders.TaxById, loaders.TaxGroupById),
    types=ERRORS,
)
