"""Business partners: created and changed, and found for sales."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import orjson
from pydantic import AfterValidator, Field

from core import addresses
from core.addresses import AddressRole, Filed
from core.countries import country
from core.partners import PartnerKind
from core.problems import Problems
from services.kit.answer import References
from services.kit.command import Change, Id, Input, Key, Label, Ref, Title, shown
from services.kit.hooks import Hook
from services.kit.keeping import KEPT, Kept
from services.kit.looking import Looking
from services.kit.parties import Party
from services.kit.records import Merge, RecordType, all_at_once, upsert
from services.kit.references import Find, named
from services.kit.together import Asked
from services.kit.work import UnitOfWork

PARTNER = RecordType(
    "partner",
    "partners",
    "code",
    ("addresses",),
    ("name",),
    {"price_list_id": "prl", "purchase_price_list_id": "prl", "tax_group_id": "txg"},
)

MAX_ADDRESSES = 100
"""Addresses of a partner: they are kept in its row, which whoever looks at it reads."""

Country = Annotated[str, AfterValidator(country)]


def _address(text: str) -> str:
    name, at, host = text.rpartition("@")
    if not (name and at and "." in host) or any(letter.isspace() for letter in text):
        raise ValueError("This is not an e-mail address.")
    return text


class PartnerAddress(Input):
    """An address of a partner, by its code: a new one, or the one with that code changed."""

    code: Label
    """Its short name at this partner, such as office."""
    roles: Annotated[tuple[AddressRole, ...], Field(min_length=1, max_length=2)]
    """What it may be used for."""
    default: bool | None = None
    """Whether it is taken where an order names none: then no other is, for its roles. Left out: as it is; of a role the first
    address is."""
    party: Party | None = None
    """The address itself; null removes it. Left out: as it is."""


class PriceListRef(Ref):
    """Names one price list by one of its keys."""

    prefix = "prl"

    id: Annotated[UUID, Id("prl")] | None = None
    """By the list's id (prl_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""


class TaxGroupRef(Ref):
    """Names one tax group by one of its keys."""

    prefix = "txg"

    id: Annotated[UUID, Id("txg")] | None = None
    """By the group's id (txg_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""


PRICE_LISTS: Hook[Find[PriceListRef]] = Hook()
PURCHASE_PRICE_LISTS: Hook[Find[PriceListRef]] = Hook()
TAX_GROUPS: Hook[Find[TaxGroupRef]] = Hook()
"""The modules above that have price lists and tax groups find them."""


class PartnerUpsert(Change):
    """A partner to create or change, by its code. Fields that are left out stay as they are; a new partner gets their defaults."""

    code: Label
    """The tenant's own key of the partner to change or create."""
    name: Title = ""
    """Its name as people read it, at most 500 characters; not unique. A new partner needs one."""
    kinds: Annotated[tuple[PartnerKind, ...], Field(min_length=1, max_length=2)] = (PartnerKind.CUSTOMER,)
    """What it is to the tenant; CUSTOMER for a new partner."""
    email: Annotated[Title, AfterValidator(_address)] | None = None
    """The e-mail address for replies to orders; null for none."""
    country: Country | None = None
    """ISO 3166-1 alpha-2, such as DE; null for none."""
    external_id: Label | None = None
    """Its key in another system, unique; null for none."""
    addresses: Annotated[list[PartnerAddress], Field(max_length=2 * MAX_ADDRESSES)] = Field(default_factory=list)
    """Addresses to add, change or remove, by their codes. Others stay as they are. A partner has at most 100."""
    price_list: PriceListRef | None = None
    """The price list that it buys by; null for list prices."""
    purchase_price_list: PriceListRef | None = None
    """The price list that it sells by, whose prices are before tax; null for none."""
    tax_group: TaxGroupRef | None = None
    """The partners that it is taxed like: what becomes of products' taxes for it; null for none."""


class PartnerRef(Ref):
    """Names one partner by one of its keys."""

    prefix = "par"

    id: Annotated[UUID, Id("par")] | None = None
    """By the partner's id (par_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""
    external_id: Key | None = None
    """By its key in another system, exactly as stored."""
    email: Key | None = None
    """By its e-mail address, in any case; only where one partner has it."""


class Customer(NamedTuple):
    """A partner that may order, and what its tenant's orders are like where they don't say."""

    id: UUID
    currency: str
    timezone: str
    order_numbers: str
    now: datetime
    """By the database's clock: a web server's once numbered orders by the year 2018."""
    addresses: str | None
    """As they are stored: ``filed`` reads them."""
    price_list: UUID | None
    """What it buys by."""
    tax_group: UUID | None
    """What it is taxed like."""


_FIND = """
    SELECT p.id, t.currency, t.timezone, t.order_numbers, statement_timestamp() AS now, p.addresses, p.price_list_id,
        p.tax_group_id, p.name, CASE WHEN p.archived_at IS NULL THEN p.kinds ELSE ARRAY['ARCHIVED'] END AS kinds
    FROM partners p JOIN tenants t ON t.id = p.tenant_id
    WHERE p.tenant_id = $1 AND t.id = $1 AND {condition}
"""
_BY = {
    "email": "lower(p.email) = lower($2)",
    "code": "(p.code = $2 OR p.id = (SELECT a.record_id FROM key_aliases a"
    " WHERE a.tenant_id = $1 AND a.kind = 'partner' AND a.key = $2))",
}
"""How a partner is found by a key, where not by the column of that name."""


async def upsert_partner(work: UnitOfWork, command: PartnerUpsert) -> References:
    """Make or change a partner by its code."""
    names = ("code", "name", "email", "country", "external_id")
    values: dict[str, Any] = {name: getattr(command, name) for name in names if command.given(name)}
    if command.given("kinds"):
        values["kinds"] = sorted(set(command.kinds))
    if command.addresses:
        values["addresses"] = _with(command.addresses)
    if command.given("price_list"):
        values["price_list_id"] = await named(work, PRICE_LISTS, command.price_list, "price list", "priceList")
    if command.given("purchase_price_list"):
        ref = command.purchase_price_list
        found = await named(work, PURCHASE_PRICE_LISTS, ref, "price list", "purchasePriceList")
        values["purchase_price_list_id"] = found
    if command.given("tax_group"):
        values["tax_group_id"] = await named(work, TAX_GROUPS, command.tax_group, "tax group", "taxGroup")
    with all_at_once(work):
        identity = await upsert(work, PARTNER, values, expected=command.expected_version)
    return {"partner_id": identity}


def filed(stored: str | None) -> list[Filed]:
    """A partner's addresses, defaults first, as its row has them."""
    return [] if stored is None else addresses.filed(orjson.loads(stored))


def _with(given: Sequence[PartnerAddress]) -> Merge:
    """What makes a partner's addresses of those that there are and what is said of them."""

    def merge(stored: str | None) -> str | None:
        problems, there, named = Problems(), filed(stored), set[str]()
        for index, each in enumerate(given):
            present = next((one for one in there if one.code == each.code), None)
            if each.code in named:
                problems.invalid(f"The address {each.code} is named twice.", "addresses", index, "code")
            named.add(each.code)
            if each.party is not None or "party" not in each.model_fields_set:
                party = each.party.kept() if each.party else present and present.party
                if party is None:
                    problems.missing(f"address with the {shown('code', each.code)}", "addresses", index, "code")
                    continue
                roles = tuple(str(role) for role in AddressRole if role in each.roles)
                there = addresses.changed(there, Filed(each.code, roles, (), party), default=each.default)
            else:
                there = [one for one in there if one.code != each.code]
        if len(there) > MAX_ADDRESSES:
            problems.invalid(f"A partner may have {MAX_ADDRESSES} addresses.", "addresses")
        problems.check()
        kept = sorted(there, key=lambda each: each.code)
        if sorted(filed(stored), key=lambda each: each.code) == kept:
            return stored
        return orjson.dumps([each._asdict() for each in kept]).decode() if kept else None

    return merge


async def partner(work: UnitOfWork, ref: PartnerRef, problems: Problems, *path: str | int) -> UUID | None:
    """The id of the partner that an input names; where there is none a problem is noted under ``path``."""
    rows = await _find(work, "SELECT p.id FROM partners p WHERE p.tenant_id = $1 AND {condition}", ref, problems, *path)
    return rows[0]["id"] if rows else None


def asked(ref: PartnerRef) -> Asked:
    """Asks for the customer that an input names, together with something else."""
    sql, value = _by(_FIND, ref)
    return Asked("customer", sql, len(Customer._fields) + 2, (value,))


def _by(sql: str, ref: PartnerRef) -> tuple[str, Any]:
    key, value = ref.only()
    return sql.format(condition=_BY.get(key, f"p.{key} = $2")), value


async def _find(work: Looking, sql: str, ref: PartnerRef, problems: Problems, *path: str | int) -> list[Any]:
    sql, value = _by(sql, ref)
    return _only(await work.rows(sql, value), ref, problems, *path)


def _only(rows: list[Any], ref: PartnerRef, problems: Problems, *path: str | int) -> list[Any]:
    """The row of the one partner that has this key; else a problem is noted."""
    if not rows:
        problems.missing(f"partner with the {ref}", *path)
    elif len(rows) > 1:
        problems.invalid(f"Several partners have the {ref}: name one by its code.", *path)
    return rows if len(rows) == 1 else []


async def customer(
    work: Looking, ref: PartnerRef, problems: Problems, there: list[Any] | None = None
) -> Customer | None:
    """The customer that an input names; where there is no such one a problem is noted, and None given. ``there``: the rows that
    it was ``asked`` for.
    """
    if there is None:
        rows = await _find(work, _FIND, ref, problems, "customer")
    else:
        rows = _only(there, ref, problems, "customer")
    if not rows:
        return None
    *found, name, kinds = rows[0]
    check_may_order(name, kinds, problems, "customer")
    return Customer(*found)


async def currency(work: Looking) -> str:
    """The tenant's currency, where no customer tells it."""
    [[found]] = await work.rows("SELECT currency FROM tenants WHERE id = $1")
    return str(found)


class Supplier(NamedTuple):
    """A partner that may deliver, and what its tenant's purchase orders are like where they don't say."""

    id: UUID
    currency: str
    timezone: str
    now: datetime
    tax_group: UUID | None
    """What becomes of products' taxes for it."""


async def supplier(work: UnitOfWork, ref: PartnerRef, problems: Problems) -> Supplier | None:
    """The supplier that an input names; where there is no such one a problem is noted, and None given."""
    rows = await _find(work, _FIND, ref, problems, "supplier")
    if not rows:
        return None
    identity, currency, timezone, _, now, _, _, tax_group, name, kinds = rows[0]
    check_may_deliver(name, kinds, problems, "supplier")
    return Supplier(identity, currency, timezone, now, tax_group)


def check_may_deliver(name: str, kinds: Collection[str], problems: Problems, *path: str | int) -> None:
    """Note a problem for a partner that isn't a supplier."""
    if "ARCHIVED" in kinds:
        problems.invalid(f"{name} is archived.", *path)
    elif "SUPPLIER" not in kinds:
        problems.invalid(f"{name} is not a supplier.", *path)


def check_may_order(name: str, kinds: Collection[str], problems: Problems, *path: str | int) -> None:
    """Note a problem for a partner who isn't a customer. Wherever something is promised to a partner: an order
    that is confirmed already is kept.
    """
    if "ARCHIVED" in kinds:
        problems.invalid(f"{name} is archived.", *path)
    elif "CUSTOMER" not in kinds:
        problems.invalid(f"{name} is not a customer.", *path)


HOOKS = (KEPT.add(Kept("par", PARTNER, "partners:write")),)
