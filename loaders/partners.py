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
        "id": filters.identifier(Partner.id, "par"),
        "code": filters.text(Partner.code),
        "name": filters.text(Partner.name),
        "country": filters.text(Partner.country),
        "createdAt": filters.moment(Partner.created_at),
    },
    sorts={"CODE": Sort(Partner.code), "NAME": Sort(Partner.name_key), "CREATED_AT": Sort(Partner.created_at)},
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
