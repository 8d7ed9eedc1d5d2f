"""Business partners."""

from db.base import KEY_TEXT
from db.partners import Partner
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import PARTNER, One

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
        "createdAt": filters.moment(Partner.created_at, "By the time it was first stored."),
    },
    sorts={
        "CODE": Sort(Partner.code, "The code, character by character in Unicode's order: Z comes before a."),
        "NAME": Sort(Partner.name_key, "The name, without regard to upper and lower case."),
        "CREATED_AT": Sort(Partner.created_at, "The time it was first stored."),
    },
    default=(("CODE", ASC),),
    own=Partner.id == PARTNER,
    search=Partner.search,
)


class PartnerById(One):
    entity = partners


class PartnerByCode(One):
    entity = partners
    key, key_type = "code", KEY_TEXT


class PartnerByExternalId(One):
    entity = partners
    key, key_type = "external_id", KEY_TEXT


class Partners(Many):
    entity = partners
