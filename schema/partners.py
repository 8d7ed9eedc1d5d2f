"""Business partners."""

import strawberry

from core.addresses import AddressRole
from core.partners import PartnerKind
from db import partners as tables
from loaders import partners as loaders
from resolvers import partners as resolvers
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choices, column, fact, lookup, many, moment, node_id, node_type, referred
from schema.inputs import enum_type, input_type, order_input, where_input
from schema.module import Module
from schema.parties import Party
from schema.scalars import DateTime
from schema.shared import (
    Connection,
    Node,
)
from services import partners as services

enum_type(PartnerKind)
enum_type(AddressRole)


@strawberry.type(description="One of a partner's addresses.")
class PartnerAddress:
    code: str = fact("Its short name at this partner, such as office; unique there.", "code")
    roles: list[AddressRole] = fact("What it may be used for.", "roles", size=len(AddressRole))
    default: bool = fact("Whether it is taken where an order names none, for each of its roles.", "default")
    default_for: list[AddressRole] = fact(
        "Those of its roles for which it is taken where an order names none.", "defaults", size=len(AddressRole)
    )
    party: Party = batched("The address itself.", resolvers.party, needs=["party"])


@node_type(loaders.partners, "A company or person that the tenant does business with.")
class Partner(Node):
    id: strawberry.ID = node_id(loaders.partners)
    code: str = column(tables.Partner.code, "The tenant's own key of the partner; unique, and compared exactly.")
    name: str = column(tables.Partner.name, "Its name as people read it; not unique.")
    kinds: list[PartnerKind] = choices(tables.Partner.kinds, PartnerKind, "What it is to the tenant; often both.")
    email: str | None = column(tables.Partner.email, "The e-mail address for replies to orders; null where unknown.")
    country: str | None = column(tables.Partner.country, "ISO 3166-1 alpha-2, such as DE; null where unknown.")
    external_id: str | None = column(tables.Partner.external_id, "Its key in another system; unique where given.")
    addresses: list[PartnerAddress] = batched(
        "Its addresses, defaults first.", resolvers.addresses, needs=["addresses"], size=services.MAX_ADDRESSES
    )
    archived_at: DateTime | None = moment(
        tables.Partner.archived_at, "Since when it is out of use: not for new documents; null while it is in use."
    )
    version: int = column(tables.Partner.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.Partner.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.Partner.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


PartnerWhere = where_input(loaders.partners, "partners")
PartnerOrderBy = order_input(loaders.partners, "partners")
PartnerRef = input_type(services.PartnerRef)


@strawberry.type
class Query:
    partner: Partner | None = lookup(
        "A partner by one of its keys; null where there is none.",
        PartnerRef,
        {
            "id": loaders.PartnerById,
            "code": loaders.PartnerByCode,
            "externalId": loaders.PartnerByExternalId,
            "email": loaders.PartnerByEmail,
        },
    )
    partners: Connection[Partner] = many(
        "The tenant's partners, by code where no order is given.",
        loaders.Partners,
        where=PartnerWhere,
        order=PartnerOrderBy,
        search="code, name, external id or email",
    )


@strawberry.type(description="The created or changed partner, or the problems.")
class PartnerPayload:
    partner: Partner | None = referred(changed("The partner"), loaders.PartnerById, "partner_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    partner_upsert: PartnerPayload | None = mutation(
        "Creates the partner with this code, or changes it. Does nothing where it already has these values.",
        services.PartnerUpsert,
        services.upsert_partner,
        "partners:write",
    )


MODULE = Module("partners", Query, mutation=Mutation, nodes=(loaders.PartnerById,), types=ERRORS)
