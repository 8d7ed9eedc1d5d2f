"""The partners: customers most of them, some suppliers, a few both."""

from collections.abc import Iterator
from typing import NamedTuple

from services.demo.companies import Company, Scale
from services.demo.people import People
from services.demo.seed import FIRST_ORDER, FOUNDED, Seed
from services.demo.taxes import Taxes, Terms, terms

PARTNER_COLUMNS = (
    *("tenant_id", "id", "code", "name", "kinds", "email", "country", "external_id"),
    *("version", "created_at", "updated_at", "tax_group_id", "price_list_id"),
)


class Customer(NamedTuple):
    """A partner as orders see it."""

    id: str
    country: str
    terms: Terms


def partners(
    company: Company, scale: Scale, tenant: str, seed: Seed, rates: Taxes
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
        partner, how = seed.id(created), terms(company, person.country, firm=firm, trader=number % 2 == 0)
        row = (
            *(tenant, partner, code, person.name, kinds, person.email, person.country),
            *(f"CRM-{700_000 + number}" if seed.chance(0.4) else None, *seed.history(created)),
            *(rates.ids.get(code or "") for code in (how.group, how.price_list)),
        )
        yield None if luck < 0.05 else Customer(partner, person.country, how), row
