"""How addresses are written, and which of a partner's an order takes."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.addresses import Filed, changed, default_for, filed, postal_lines
from core.countries import COUNTRIES

LINES = {
    "AT": (("Anna Gruber", "Rochusplatz 1", "1030", "Wien", None), ["Anna Gruber", "Rochusplatz 1", "1030 Wien"]),
    "BE": (("Jan", "Rue Neuve 1", "1000", "Bruxelles", None), ["Jan", "Rue Neuve 1", "1000 Bruxelles"]),
    "BG": (("Иван", "ул. Граф Игнатиев 1", "1000", "София", None), ["Иван", "ул. Граф Игнатиев 1", "1000 София"]),
    "CY": (("Eleni", "Lidras 1", "1011", "Nicosia", None), ["Eleni", "Lidras 1", "1011 Nicosia"]),
    "CZ": (("Jan", "Politických vězňů 4", "110 00", "Praha 1", None), ["Jan", "Politických vězňů 4", "110 00 Praha 1"]),
    "DE": (("Ida", "Hauptstr. 5\nHinterhaus", "10827", "Berlin", None), ["Ida", "Hauptstr. 5", "Hinterhaus", "10827 Berlin"]),
    "DK": (("Bo", "Kannikegade 18", "8000", "Aarhus C", None), ["Bo", "Kannikegade 18", "8000 Aarhus C"]),
    "EE": (("Mari", "Pärnu mnt 1", "10148", "Tallinn", None), ["Mari", "Pärnu mnt 1", "10148 Tallinn"]),
    "ES": (("Ana", "Calle Mayor 1", "28013", "Madrid", None), ["Ana", "Calle Mayor 1", "28013 Madrid"]),
    "FI": (("Aino", "Mannerheimintie 1", "00100", "Helsinki", None), ["Aino", "Mannerheimintie 1", "00100 Helsinki"]),
    "FR": (("Léa", "1 rue de Rivoli", "75001", "Paris", None), ["Léa", "1 rue de Rivoli", "75001 Paris"]),
    "GR": (("Νέστορας", "Ερμού 1", "105 63", "Αθήνα", None), ["Νέστορας", "Ερμού 1", "105 63 Αθήνα"]),
    "HR": (("Iva", "Ilica 1", "10000", "Zagreb", None), ["Iva", "Ilica 1", "10000 Zagreb"]),
    "HU": (("Nagy Éva", "Fő utca 1.", "1011", "Budapest", None), ["Nagy Éva", "Budapest", "Fő utca 1.", "1011"]),
    "IE": (("Aoife", "1 Main St", "D02 AF30", "Dublin", None), ["Aoife", "1 Main St", "Dublin", "D02 AF30"]),
    "IT": (("Ugo", "Via Roma 1", "00184", "Roma", "RM"), ["Ugo", "Via Roma 1", "00184 Roma RM"]),
    "LT": (("Ona", "Gedimino pr. 1", "LT-01103", "Vilnius", None), ["Ona", "Gedimino pr. 1", "LT-01103 Vilnius"]),
    "LU": (("Guy", "1, rue du Fort", "L-1616", "Luxembourg", None), ["Guy", "1, rue du Fort", "L-1616 Luxembourg"]),
    "LV": (("Anna", "Brīvības iela 1", "LV-1010", "Rīga", None), ["Anna", "Brīvības iela 1", "Rīga, LV-1010"]),
    "MT": (("Ġorġ", "305 Qormi Road", "MTP 1001", "Marsa", None), ["Ġorġ", "305 Qormi Road", "Marsa MTP 1001"]),
    "NL": (("Sem", "Dam 1", "1012 JS", "Amsterdam", None), ["Sem", "Dam 1", "1012 JS Amsterdam"]),
    "PL": (("Ewa", "ul. Prosta 1", "00-850", "Warszawa", None), ["Ewa", "ul. Prosta 1", "00-850 Warszawa"]),
    "PT": (("Rui", "Rua Augusta 1", "1100-048", "Lisboa", None), ["Rui", "Rua Augusta 1", "1100-048 Lisboa"]),
    "RO": (("Ion", "Str. Lipscani 1", "030031", "București", None), ["Ion", "Str. Lipscani 1", "030031 București"]),
    "SE": (("Åsa", "Storgatan 1", "111 29", "Stockholm", None), ["Åsa", "Storgatan 1", "111 29 Stockholm"]),
    "SI": (("Ana", "Trubarjeva 1", "1000", "Ljubljana", None), ["Ana", "Trubarjeva 1", "1000 Ljubljana"]),
    "SK": (("Eva", "Hlavná 1", "811 01", "Bratislava", None), ["Eva", "Hlavná 1", "811 01 Bratislava"]),
    "GB": (("Tom", "27 King St", "MK14 6LF", "Milton Keynes", None), ["Tom", "27 King St", "Milton Keynes", "MK14 6LF"]),
    "US": (("Amy", "100 Main St\nApt 4", "94043-1234", "Mountain View", "CA"), ["Amy", "100 Main St", "Apt 4", "Mountain View, CA 94043-1234"]),
    "JP": (("日本郵便株式会社", "丸の内2-7-2", "100-8994", "千代田区", "東京都"), ["〒100-8994", "東京都千代田区丸の内2-7-2", "日本郵便株式会社"]),
    "CH": (("Urs", "Bahnhofstr. 1", "8001", "Zürich", None), ["Urs", "Bahnhofstr. 1", "8001 Zürich"]),
    "XK": (("Arta", "Rr. Nënë Tereza 1", "10000", "Prishtinë", None), ["Arta", "Rr. Nënë Tereza 1", "10000 Prishtinë"]),
}  # fmt: skip


def party(country: str, name: str, *parts: str | None) -> dict[str, Any]:
    return {"country": country, "name": name, **dict(zip(("street", "postcode", "city", "region"), parts, strict=True))}


@pytest.mark.parametrize("country", LINES)
def test_an_address_is_written_as_its_country_wants_it(country: str) -> None:
    given, wanted = LINES[country]
    assert postal_lines(party(country, *given)) == wanted


def test_all_of_the_eu_is_tried() -> None:
    union = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
    assert {*union.split()} < {*LINES}


def test_in_latin_letters_an_address_in_japan_begins_with_the_name() -> None:
    given = party("JP", "Kato", "10-23, Minami-Azabu 1-chome", "106-0047", "Minato-ku", "Tokyo")
    assert postal_lines(given) == ["Kato", "10-23, Minami-Azabu 1-chome", "Minato-ku, Tokyo 106-0047"]


WORD = st.text("abcÅ日本한-/ 19'", min_size=1).filter(str.strip)


@settings(max_examples=200, deadline=None)
@example("MO", "a", {"street": None, "postcode": "11", "city": None, "region": "日"})
@given(
    st.sampled_from([*sorted(COUNTRIES), "XK"]),
    WORD,
    st.fixed_dictionaries({name: st.none() | WORD for name in ("street", "postcode", "city", "region")}),
)
def test_nothing_of_an_address_is_lost(country: str, name: str, parts: dict[str, str | None]) -> None:
    lines = postal_lines({"country": country, "name": name, **parts})
    for part in (name, *parts.values()):
        assert part is None or any(part.strip() in line for line in lines)
    assert len("".join(lines)) <= sum(len(part or "") for part in (name, *parts.values())) + 8


ROLES = ("SHIPPING", "BILLING")


def address(code: str, *roles: str, defaults: tuple[str, ...] = ()) -> Filed:
    return Filed(code, roles, defaults, {"name": code})


def test_the_first_address_of_a_role_is_its_default_unless_it_says_otherwise() -> None:
    one = changed([], address("a", *ROLES), default=None)
    assert [each.defaults for each in one] == [ROLES]
    assert [each.defaults for each in changed([], address("a", *ROLES), default=False)] == [()]
    two = changed(one, address("b", "SHIPPING"), default=None)
    assert {each.code: each.defaults for each in two} == {"a": ROLES, "b": ()}


def test_an_address_that_is_changed_stays_the_default_that_it_was() -> None:
    one = changed([], address("a", *ROLES), default=None)
    assert changed(one, address("a", *ROLES), default=None) == one
    assert changed(one, address("a", "BILLING"), default=None) == [address("a", "BILLING", defaults=("BILLING",))]
    none = changed(one, address("a", *ROLES), default=False)
    assert changed(none, address("a", *ROLES), default=None) == none


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from([("SHIPPING",), ("BILLING",), ROLES]),
            st.sampled_from([None, True, False]),
        ),
        max_size=8,
    )
)
def test_each_role_has_one_default_at_most(steps: list[tuple[str, tuple[str, ...], bool | None]]) -> None:
    found: list[Filed] = []
    for code, roles, default in steps:
        found = changed(found, address(code, *roles), default=default)
        for role in ROLES:
            defaults = [each for each in found if role in each.defaults]
            assert len(defaults) <= 1
            assert default_for(role, found) == (defaults[0] if defaults else None)
        assert all({*each.defaults} <= {*each.roles} for each in found)
        if default:
            assert next(each for each in found if each.code == code).defaults == roles


def test_defaults_come_first_and_then_codes() -> None:
    stored = [address("c")._asdict(), address("b")._asdict(), address("z", "BILLING", defaults=("BILLING",))._asdict()]
    assert [each.code for each in filed(stored)] == ["z", "b", "c"]
    assert filed(None) == []
