"""Where an order's goods go and whom its invoices are addressed to.

A draft keeps what was chosen: a code of the customer's addresses, an address of its own, or nothing, which is the customer's
default. Confirming keeps the address itself, which later changes of the customer's don't touch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from pydantic.alias_generators import to_camel

from core.addresses import Filed, default_for
from core.problems import Problems
from core.sales import ADDRESS_ROLES
from services import partners
from services.kit.command import Input, Key, shown
from services.kit.parties import Party

Chosen = Mapping[str, Any]
"""``code`` of one of the customer's addresses, ``party`` for the address itself, or both."""


class OrderAddress(Input):
    """An address of an order: one of the customer's by its code, or one of its own."""

    one_of = True

    code: Key | None = None
    """The code of one of the customer's addresses."""
    party: Party | None = None
    """An address of its own."""


class Addresses(NamedTuple):
    """What an order keeps of its addresses, as JSON."""

    shipping_address: str | None = None
    billing_address: str | None = None


def chosen(
    given: Mapping[str, OrderAddress | None], stored: str | None, problems: Problems, *, confirmed: bool
) -> dict[str, str | None]:
    """What to keep of the addresses that an input gives, by column; of a confirmed order the addresses themselves.
    ``stored`` are the customer's. Problems are noted for codes that it doesn't have, or not for this.
    """
    there = partners.filed(stored) if given or confirmed else []
    return {name: _kept(name, each, there, problems, confirmed=confirmed) for name, each in given.items()}


def confirmed(kept: Addresses, stored: str | None, problems: Problems) -> Addresses:
    """What a draft that is confirmed keeps. A problem is noted where an address that it named is gone."""
    if stored is None and kept == Addresses():
        return Addresses()
    there = partners.filed(stored)
    found = []
    for name, text in zip(Addresses._fields, kept, strict=True):
        choice = orjson.loads(text) if text else {}
        if "party" not in choice:
            choice = _taken(choice.get("code"), name, there)
            if choice is None:
                problems.invalid(f"The customer no longer has the address that it chose for {to_camel(name)}.", "order")
        found.append(_text(choice))
    return Addresses(*found)


def _kept(
    name: str, given: OrderAddress | None, there: Sequence[Filed], problems: Problems, *, confirmed: bool
) -> str | None:
    role, path = ADDRESS_ROLES[name], to_camel(name)
    if given is None:
        return _text(_taken(None, name, there)) if confirmed else None
    if given.party is not None:
        return _text({"party": given.party.kept()})
    found = next((each for each in there if each.code == given.code), None)
    if found is None:
        problems.missing(f"address of the customer with the {shown('code', given.code or '')}", path, "code")
        return None
    if role not in found.roles:
        problems.invalid(f"The address {found.code} isn't for {role.lower()}.", path, "code")
    return _text({"code": found.code, "party": dict(found.party)} if confirmed else {"code": found.code})


def _taken(code: str | None, name: str, there: Sequence[Filed]) -> Chosen | None:
    """The customer's address with this code, or its default; empty where it has none."""
    role = ADDRESS_ROLES[name]
    if code is None:
        found = default_for(role, there)
        return {"code": found.code, "party": dict(found.party)} if found else {}
    return next(({"code": each.code, "party": dict(each.party)} for each in there if each.code == code), None)


def party_of(kept: str | None) -> str | None:
    """The address itself of what a confirmed order keeps, as JSON."""
    party = orjson.loads(kept).get("party") if kept else None
    return orjson.dumps(party).decode() if party else None


def _text(choice: Chosen | None) -> str | None:
    return orjson.dumps(choice).decode() if choice else None


def recorded_addresses(kept: Addresses) -> dict[str, Any]:
    """Those that there are, as an event records them."""
    return {to_camel(name): orjson.loads(text) for name, text in kept._asdict().items() if text}
