"""The partners: customers most of them, some suppliers, a few both."""

from collections.abc import Iterator
from typing import NamedTuple

from services.demo.companies import Company, Scale
from services.demo.people import People
from services.demo.seed import FIRST_ORDER, FOUNDED, Seed

PARTNER_COLUMNS = (
    *("tenant_id", "id", "code", "name", "kinds", "email", "country", "external_id"),
    *("version", "created_at", "updated_at"),
)


class Customer(NamedTuple):
    """A partner as orders see it."""

    id: str
    country: str


def partners(
    company: Company, scale: Scale, tenant: str, seed: Seed
) -> Iterator[tuple[Customer | None, tuple[object, ...]]]:
    """Each partner's row, and the customer that it is, if it is one."""
    people = People(seed, company.home)
    step = (FIRST_ORDER - FOUNDED) // scale.partners
    for number in range(scale.partners):
        created = FOUNDED + number * step
        luck = seed.random()
        kinds = "{SUPPLIER}" if luck < 0.05 else "{CUSTOMER,SUPPLIER}" if luck < 0.08 else "{CUSTOMER}"
        firm = not company.retail or luck < 0.2
        code = f"{'F' if firm else 'P'}{10_001 + number}"
        person = people.one(code, firm=firm)
        partner = seed.id(created)
        row = (
            *(tenant, partner, code, person.name, kinds, person.email, person.country),
            *(f"CRM-{700_000 + number}" if seed.chance(0.4) else None, *seed.history(created)),
        )
        yield None if luck < 0.05 else Customer(partner, person.country), row
