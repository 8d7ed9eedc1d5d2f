"""Business partners: created and changed, and found for sales."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, Field

from core.countries import country
from core.partners import PartnerKind
from core.problems import Problems
from services.kit.answer import References
from services.kit.command import Change, Id, Key, Label, Ref, Title
from services.kit.records import RecordType, upsert
from services.kit.work import UnitOfWork

PARTNER = RecordType("partner", "partners", "code")

Country = Annotated[str, AfterValidator(country)]


def _address(text: str) -> str:
    name, at, host = text.rpartition("@")
    if not (name and at and "." in host) or any(letter.isspace() for letter in text):
        raise ValueError("This is not an e-mail address.")
    return text


class PartnerUpsert(Change):
    """A partner to create or change, by its code. Fields that are left out stay as they are; a new partner gets their defaults."""

    code: Label
    """The tenant's own key of the partner to change or create."""
    name: Title
    """Its name as people read it, at most 500 characters; not unique."""
    kinds: Annotated[tuple[PartnerKind, ...], Field(min_length=1, max_length=2)] = (PartnerKind.CUSTOMER,)
    """What it is to the tenant; CUSTOMER for a new partner."""
    email: Annotated[Title, AfterValidator(_address)] | None = None
    """The e-mail address for replies to orders; null for none."""
    country: Country | None = None
    """ISO 3166-1 alpha-2, such as DE; null for none."""
    external_id: Label | None = None
    """Its key in another system, unique; null for none."""


class PartnerRef(Ref):
    """Names one partner by one of its keys."""

    prefix = "par"

    id: Annotated[UUID, Id("par")] | None = None
    """By the partner's id (par_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""
    external_id: Key | None = None
    """By its key in another system, exactly as stored."""


class Customer(NamedTuple):
    """A partner that may order, and what its tenant's orders are like where they don't say."""

    id: UUID
    currency: str
    timezone: str
    order_numbers: str
    now: datetime
    """By the database's clock: a web server's once numbered orders by the year 2018."""


_FIND = """
    SELECT p.id, t.currency, t.timezone, t.order_numbers, statement_timestamp() AS now, p.name, p.kinds
    FROM partners p JOIN tenants t ON t.id = p.tenant_id
    WHERE p.tenant_id = $1 AND t.id = $1 AND p.{key} = $2
"""


async def upsert_partner(work: UnitOfWork, command: PartnerUpsert) -> References:
    """Make or change a partner by its code."""
    names = ("code", "name", "email", "country", "external_id")
    values: dict[str, Any] = {name: getattr(command, name) for name in names if command.given(name)}
    if command.given("kinds"):
        values["kinds"] = sorted(set(command.kinds))
    return {"partner_id": await upsert(work, PARTNER, values, expected=command.expected_version)}


async def partner(work: UnitOfWork, ref: PartnerRef, problems: Problems, *path: str | int) -> UUID | None:
    """The id of the partner that an input names; where there is none a problem is noted under ``path``."""
    key, value = ref.only()
    rows = await work.rows(f"SELECT id FROM partners WHERE tenant_id = $1 AND {key} = $2", value)
    if not rows:
        problems.missing(f"partner with the {ref}", *path)
        return None
    found: UUID = rows[0]["id"]
    return found


async def customer(work: UnitOfWork, ref: PartnerRef, problems: Problems) -> Customer | None:
    """The customer that an input names; where there is no such one a problem is noted, and None given."""
    key, value = ref.only()
    rows = await work.rows(_FIND.format(key=key), value)
    if not rows:
        problems.missing(f"partner with the {ref}", "customer")
        return None
    *found, name, kinds = rows[0]
    check_may_order(name, kinds, problems, "customer")
    return Customer(*found)


def check_may_order(name: str, kinds: Collection[str], problems: Problems, *path: str | int) -> None:
    """Note a problem for a partner who isn't a customer. Wherever something is promised to a partner: an order
    that is confirmed already is kept.
    """
    if "CUSTOMER" not in kinds:
        problems.invalid(f"{name} is not a customer.", *path)
