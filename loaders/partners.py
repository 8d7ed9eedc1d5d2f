"""Business partners."""

from typing import Any

from sqlalchemy import Select, Text, exists, func, select
from sqlalchemy.orm import aliased

from core.partners import PartnerKind
from db.base import KEY_TEXT
from db.partners import Partner
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.having import having
from loaders.kit.many import Many
from loaders.kit.one import PARTNER, TENANT, One
from loaders.kit.renamed import Renamed

partners = Entity(
    Partner,
    "Partner",
    "par",
    "partners:read",
    filters={
        "id": filters.identifier(Partner.id, "par", "By the partner's id (par_…)."),
        "code": filters.text(Partner.code, "By the tenant's own key of the partner.", folded=Partner.code_key),
        "name": filters.text(Partner.name, "By its name; search finds single words of it.", folded=Partner.name_key),
        "country": filters.text(Partner.country, "By the country's two letters, such as DE."),
        "archived": filters.boolean(
            Partner.archived_at.is_not(None), "By whether it was taken out of use. Left out: both."
        ),
        "email": filters.text(Partner.email, "By its e-mail address."),
        "kind": having(Partner.kinds, PartnerKind, "By what it is to the tenant."),
        "createdAt": filters.moment(Partner.created_at, "By the time it was first stored."),
        "updatedAt": filters.moment(Partner.updated_at, "By the time of the last change."),
    },
    sorts={
        "CODE": Sort(Partner.code, "The code, character by character in Unicode's order: Z comes before a."),
        "NAME": Sort(Partner.name_key, "The name, without regard to upper and lower case."),
        "CREATED_AT": Sort(Partner.created_at, "The time it was first stored."),
        "UPDATED_AT": Sort(Partner.updated_at, "The time of the last change."),
    },
    default=(("CODE", ASC),),
    own=Partner.id == PARTNER,
    search=Partner.search,
)


class PartnerById(One):
    entity = partners


class PartnerByCode(Renamed):
    entity = partners
    key, kind = "code", "partner"


class PartnerByExternalId(One):
    entity = partners
    key, key_type = "external_id", KEY_TEXT


class PartnerByEmail(One):
    """Whatever the case that it is written in, and only where one partner has it."""

    entity = partners
    key, key_type = "email", Text()

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The partners by the address as it was asked for."""
        found = await super().load_all(list({key.lower() for key in keys}))
        return {key: found[key.lower()] for key in keys if key.lower() in found}

    def build(self, *, single: bool) -> Select[Any]:
        other = aliased(Partner, name="other")
        address = func.lower(Partner.email)
        another = (other.tenant_id == TENANT) & (func.lower(other.email) == address) & (other.id != Partner.id)
        columns = [self.entity.column(name) for name in self.columns if name != "email"]
        # What it is found by comes first; the address as it is stored is a column like others.
        columns += [Partner.email.label("email")] if "email" in self.columns else []
        return select(address.label("found_by"), *columns).where(
            Partner.tenant_id == TENANT,
            *self.visible(),
            address == self.wanted(single=single),
            ~exists(select(other.id).where(another).correlate(Partner)),
        )


class Partners(Many):
    entity = partners
