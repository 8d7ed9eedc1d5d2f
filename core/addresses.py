"""Addresses: what they are for, and how each country's post wants them written.

An address is never checked against a list of towns, or of how postal codes look: what people live at is right
(docs/decisions/0049-addresses.md).
"""

import re
from collections.abc import Mapping, Sequence
from enum import auto
from typing import Any, NamedTuple

from core.choices import Choice
from core.countries import country


class AddressRole(Choice):
    """What an address of a partner is for."""

    SHIPPING = auto(), "Where goods are sent."
    BILLING = auto(), "Whom invoices are addressed to."


USED_WITHOUT_A_CODE = frozenset({"XK"})
"""Kosovo: ISO 3166-1 leaves these letters to their users, and carriers, banks and the EU's customs use them so."""


def address_country(code: str) -> str:
    """The code of the country that an address is in. Raises ``ValueError`` with a sentence for whoever gave it."""
    return code if code in USED_WITHOUT_A_CODE else country(code)


# ---------------------------------------------------------------- which address an order takes


class Filed(NamedTuple):
    """An address of a partner. ``defaults`` are those of its roles that it is taken for where an order names none."""

    code: str
    roles: tuple[str, ...]
    defaults: tuple[str, ...]
    party: Mapping[str, Any]


def filed(stored: Sequence[Mapping[str, Any]] | None) -> list[Filed]:
    """A partner's addresses as they are kept, defaults first and then by code."""
    found = [Filed(each["code"], tuple(each["roles"]), tuple(each["defaults"]), each["party"]) for each in stored or ()]
    return sorted(found, key=lambda each: (not each.defaults, each.code))


def default_for(role: str, addresses: Sequence[Filed]) -> Filed | None:
    """The address that is taken for a role where an order names none."""
    return next((each for each in addresses if role in each.defaults), None)


def changed(addresses: Sequence[Filed], given: Filed, *, default: bool | None) -> list[Filed]:
    """The addresses with this one added, or in place of the one with its code. ``default`` says whether it is taken for
    each of its roles; None: as it is, and the first one of a role is. It then is the only default of that role.
    """
    others = [each for each in addresses if each.code != given.code]
    before = next((each.defaults for each in addresses if each.code == given.code), None)
    if default is not None:
        kept = set(given.roles) if default else set[str]()
    elif before is not None:
        kept = set(before)
    else:
        kept = {role for role in given.roles if not any(role in each.roles for each in others)}
    mine = tuple(role for role in given.roles if role in kept)
    theirs = [each._replace(defaults=tuple(role for role in each.defaults if role not in mine)) for each in others]
    return [*theirs, given._replace(defaults=mine)]


# ---------------------------------------------------------------- how an address is written

_FORMS = {
    # Lines from top to bottom, parted by "/": N name, S street and what belongs to it, Z postal code, C town, R region.
    # Signs between two parts stand only where both are there.
    "N/S/Z C/R": "",
    "N/S/Z C R": "IT SM VA RO MC",
    "N/S/C R/Z": "KE LK",
    "N/S/C/R/Z": "GB GG JE IM GI FK GS IO SH PN BM IE RU UA BY EG ZA",
    "N/S/C, R Z": "US PR GU VI AS MP UM FM MH PW JP",
    "N/S/C R Z": "CA AU NF CC CX NR TW KR",
    "N/S/C Z/R": "MT NZ SG IN SA ID NP MM BN LB JO PE NG",
    "N/S/C-R/Z": "BR",
    "N/S/C-Z/R": "PK BD",
    "N/S/Z C, R": "MX UY",
    "N/S/C, Z/R": "LV",
    "N/C/S/Z/R": "HU",
    "N/S/C/R Z": "CN HK MO TH VN",
    "N/S/C Z, R": "VE",
    "N/S/C, R, Z": "CO",
}
_FORM_OF = {code: form for form, codes in _FORMS.items() for code in codes.split()}
_OTHERS = next(iter(_FORMS))
_NATIVE = {
    "JP": "〒Z/R+C+S/N",
    "CN": "Z/R+C+S/N",
    "TW": "Z/R+C+S/N",
    "KR": "R C/S/N/Z",
    "HK": "Z/R/C/S/N",
    "MO": "Z/R/C/S/N",
}
"""Where it is written in the country's own script: the largest comes first. Hong Kong and Macau have no postal codes, and a form
that leaves one out lost what a clerk had written there.
"""

_PARTS = {"N": "name", "S": "street", "C": "city", "Z": "postcode", "R": "region"}
_SCRIPT = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]")
_TOKEN = re.compile(r"([^NSZCR]*)([NSZCR])")


def postal_lines(party: Mapping[str, Any]) -> list[str]:
    """An address line by line, as the post of its country wants it, without the country's name: which language that is
    in depends on where the letter begins. Whatever was given is in it, also what the country's form has no place for.
    """
    parts = {sign: str(party.get(name) or "").strip() for sign, name in _PARTS.items()}
    code = party["country"]
    native = _SCRIPT.search(parts["S"] + parts["C"] + parts["R"])
    form = _NATIVE.get(code) if native else None
    lines = [_line(pattern, parts) for pattern in (form or _FORM_OF.get(code, _OTHERS)).split("/")]
    return [line for text in lines for line in text.splitlines() if line.strip()]


def _line(pattern: str, parts: Mapping[str, str]) -> str:
    text = ""
    for before, sign in _TOKEN.findall(pattern):
        if parts[sign]:
            text += (before.replace("+", "") if text or before == "〒" else "") + parts[sign]
    return text
