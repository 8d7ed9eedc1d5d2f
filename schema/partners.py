"""Business partners."""

from enum import Enum
from typing import Optional

import strawberry

from loaders import partners as loaders
from schema.commands import ERRORS, UserError, changed, expected_version, given, mutation, retry_key, user_errors
from schema.events import Event, timeline
from schema.fields import column, lookup, many, moment, node_id, node_type, one
from schema.module import Module
from schema.scalars import DateTime
from schema.shared import (
    DIRECTION,
    SORTED_BY,
    Connection,
    DateTimeFilter,
    IDFilter,
    Node,
    SortDirection,
    StringFilter,
    op,
)
from services import partners as services


@strawberry.enum(description="What a partner is to the tenant.")
class PartnerKind(Enum):
    CUSTOMER = strawberry.enum_value(
        "CUSTOMER", description="Orders from the tenant: orders are made for partners of this kind only."
    )
    SUPPLIER = strawberry.enum_value("SUPPLIER", description="Delivers to the tenant.")


@node_type(loaders.partners, "A company or person that the tenant does business with.")
class Partner(Node):
    id: strawberry.ID = node_id("par")
    code: str = column("The tenant's own key of the partner; unique, and compared exactly.", "code")
    name: str = column("Its name as people read it; not unique.", "name")
    kinds: list[PartnerKind] = column("What it is to the tenant; often both.", "kinds")
    email: str | None = column("Where orders are answered; null where unknown.", "email")
    country: str | None = column("ISO 3166-1 alpha-2, such as DE; null where unknown.", "country")
    external_id: str | None = column("Its key in another system; unique where given.", "external_id")
    version: int = column("Rises with every change; for expectedVersion.", "version")
    created_at: DateTime = moment("When it was first stored.", "created_at")
    updated_at: DateTime = moment("When it was last changed.", "updated_at")
    events: Connection[Event] = timeline()


@strawberry.input(description="Conditions on partners; all that are given must hold.")
class PartnerWhere:
    and_: list["PartnerWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["PartnerWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["PartnerWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    id: IDFilter | None = op("By the partner's id (par_…).")
    code: StringFilter | None = op("By the tenant's own key of the partner.")
    name: StringFilter | None = op("By what people call it; search finds single words of it.")
    country: StringFilter | None = op("By its two letters, such as DE.")
    created_at: DateTimeFilter | None = op("By the time it was first stored.")


@strawberry.enum(description="What partners can be sorted by.")
class PartnerOrderField(Enum):
    CODE = strawberry.enum_value(
        "CODE", description="The code, character by character in Unicode's order: Z comes before a."
    )
    NAME = strawberry.enum_value("NAME", description="The name, without regard to upper and lower case.")
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="The time it was first stored.")
    RELEVANCE = strawberry.enum_value("RELEVANCE", description="How well it fits the search; only with search.")


@strawberry.input(description="What partners are sorted by, and in which direction.")
class PartnerOrderBy:
    field: PartnerOrderField = strawberry.field(description=SORTED_BY)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=DIRECTION)


@strawberry.input(one_of=True, description="Names one partner by one of its keys.")
class PartnerRef:
    id: strawberry.ID | None = op("By the partner's id (par_…).")
    code: str | None = op("By the tenant's own key, exactly as stored.")
    external_id: str | None = op("By its key in another system, exactly as stored.")


@strawberry.type
class Query:
    partner: Partner | None = lookup(
        "A partner by one of its keys; null where there is none.",
        "par",
        PartnerRef,
        {"id": loaders.PartnerById, "code": loaders.PartnerByCode, "externalId": loaders.PartnerByExternalId},
    )
    partners: Connection[Partner] = many(
        "The tenant's partners, by code where no order is given.",
        loaders.Partners,
        where=PartnerWhere,
        order=PartnerOrderBy,
        search="code, name or email",
    )


@strawberry.input(
    description="A partner to be made or changed, by its code. What is left out stays as it is, or takes its default."
)
class PartnerUpsertInput:
    code: str = given("The tenant's own key of the partner: of the one to be changed, or a new one.")
    name: str = given("Its name as people read it, at most 500 characters; not unique.")
    kinds: list[PartnerKind] | None = op("What it is to the tenant; CUSTOMER for a new partner.")
    email: str | None = op("Where orders are answered; null for none.")
    country: str | None = op("ISO 3166-1 alpha-2, such as DE; null for none.")
    external_id: str | None = op("Its key in another system, unique; null for none.")
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.type(description="A partner after it was made or changed.")
class PartnerPayload:
    partner: Partner | None = one(changed("The partner"), loaders.PartnerById, "partner_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    partner_upsert: PartnerPayload | None = mutation(
        "Makes the partner with this code, or changes it. Where it already is as wanted, nothing happens.",
        services.PartnerUpsert,
        services.upsert_partner,
        PartnerUpsertInput,
        "partners:write",
    )


MODULE = Module("partners", Query, mutation=Mutation, nodes={"par": loaders.PartnerById}, types=ERRORS)
