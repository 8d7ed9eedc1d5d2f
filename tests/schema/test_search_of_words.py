"""What is found and in which order: names find themselves (G2), keys come first (G3), whatever their case and form (G5)."""

import itertools
import unicodedata
from typing import Any

import pytest

from core.ids import new_id
from db.runtime.engine import Target
from tests.support.graph import Asker
from tests.support.oddments import Oddments, stored

NAMES = [
    *(
        "Vlies 100 m²",
        "½ Zoll Rohr",
        "H₂O",
        "हिन्दी किताब",
        "كِتَابٌ عَرَبِيّ",
        "ΝΕΣΤΟΡΑΣ",
        "Straße 5",
        "Cafe\u0301 noir",
        "日本語の本",
    ),
    *(
        "Fahr\u00adrad",
        "1e5x 2.5e-3",
        "a.b@example.com",
        "www.example.com/x?y=1",
        "ｆｕｌｌ ｗｉｄｔｈ",
        "ﬁligree",
        "ИЖЕВСК",
        "İstanbul",
    ),
    *(
        "Ⅷ Ordner",
        "№ 7",
        "สวัสดี",
        "한국어 책",
        "naïve-façade",
        "𝐁𝐨𝐥𝐝",
        "می\u200cخواهم",
        "👍 emoji 👨\u200d👩\u200d👧",
        "x" * 480,
    ),
]
FINDS = {
    "vlies 100 m2": "Vlies 100 m²",
    "νεστορας": "ΝΕΣΤΟΡΑΣ",
    "νεστορασ": "ΝΕΣΤΟΡΑΣ",
    "STRASSE": "Straße 5",
    "STRAẞE": "Straße 5",
    "CAFÉ": "Cafe\u0301 noir",
    "cafe\u0301": "Cafe\u0301 noir",
    "h2o": "H₂O",
    "語": "日本語の本",
    "本語": "日本語の本",
    "fahrrad": "Fahr\u00adrad",
    "full width": "ｆｕｌｌ ｗｉｄｔｈ",
    "FILI": "ﬁligree",
    "ижев": "ИЖЕВСК",
    "i̇stan": "İstanbul",
    "viii": "Ⅷ Ordner",
    "bold": "𝐁𝐨𝐥𝐝",
}


@pytest.fixture(scope="module")
async def shelf(world: Target) -> Oddments:
    """Products with these names, and others around a key."""
    skus = [*("M8", "M8-10", "M8-11", "M8-12", "m80", "M800", "A-1", "A-2", "A-3", "★★", "M 9", "ÄB-1", "äb-2")]
    named = {"A-1": "Screw M8", "A-2": "M8x M8y", "A-3": "coded"}
    products: list[dict[str, Any]] = [
        {"id": new_id(), "sku": sku, "name": named.get(sku, f"Part {index}"), "barcode": None, "external_id": None}
        for index, sku in enumerate(skus)
    ]
    products[8] |= {"barcode": "4006381333931", "external_id": "gid://shop/77"}
    products += [
        {"id": new_id(), "sku": f"Z{index:03}", "name": name, "barcode": None, "external_id": None}
        for index, name in enumerate(NAMES)
    ]
    return await stored(world, "shelf", {"products": products})


async def skus(ask: Asker, shelf: Oddments, search: str, more: str = "first: 100") -> list[str]:
    query = f"query ($s: String) {{ products({more}, search: $s) {{ nodes {{ sku }} }} }}"
    return [row["sku"] for row in (await ask(query, shelf.tenant, {"s": search})).good["products"]["nodes"]]


@pytest.mark.parametrize("index", range(len(NAMES)))
async def test_g2_every_name_finds_itself(ask: Asker, shelf: Oddments, index: int) -> None:
    name = NAMES[index]
    for form in ("NFC", "NFD"):
        for text in (name, name.upper(), name.lower(), f" {name}!"):
            given = unicodedata.normalize(form, text)
            if len(given) <= 500:
                assert await skus(ask, shelf, given) == [f"Z{index:03}"], given


@pytest.mark.parametrize("search", FINDS)
async def test_g5_words_are_found_in_every_case_and_form(ask: Asker, shelf: Oddments, search: str) -> None:
    assert await skus(ask, shelf, search) == [f"Z{NAMES.index(FINDS[search]):03}"]


async def test_g3_the_key_comes_first_then_whole_words_then_beginnings(ask: Asker, shelf: Oddments) -> None:
    for search in ("M8", "m8", " M8 "):
        found = await skus(ask, shelf, search)
        assert found[0] == "M8"
        assert {*found[1:4]} == {"M8-10", "M8-11", "M8-12"}
        assert found[4:5] == ["A-1"]
        assert {*found[5:]} == {"A-2", "m80", "M800"}
    assert (await skus(ask, shelf, "m8-11"))[0] == "M8-11"
    assert (await skus(ask, shelf, "äB-1"))[0] == "ÄB-1"


async def test_g3_every_key_is_looked_at(ask: Asker, shelf: Oddments) -> None:
    for search in ("4006381333931", "gid://shop/77", "GID://SHOP/77", "A-3"):
        assert await skus(ask, shelf, search) == ["A-3"], search
    # A key of signs alone has no word, and is found as it is.
    assert await skus(ask, shelf, "★★") == ["★★"]
    assert await skus(ask, shelf, "★") == []


async def test_g3_pages_by_relevance_lose_nothing(ask: Asker, shelf: Oddments) -> None:
    whole = await skus(ask, shelf, "m8")
    query = """query ($a: String, $b: String, $f: Int, $l: Int) {
      products(first: $f, last: $l, after: $a, before: $b, search: "m8") { nodes { sku } pageInfo { startCursor endCursor } } }"""
    for size, backward in itertools.product((1, 2, 3), (False, True)):
        walked: list[str] = []
        place = None
        for _ in range(len(whole) + 1):
            given = {"l": size, "b": place} if backward else {"f": size, "a": place}
            page = (await ask(query, shelf.tenant, given)).good["products"]
            nodes = [row["sku"] for row in page["nodes"]]
            walked = nodes + walked if backward else walked + nodes
            place = page["pageInfo"]["startCursor" if backward else "endCursor"] or place
        assert walked == whole


@pytest.mark.parametrize(
    "where, names",
    [
        ({"name": {"contains": "νεστορας"}}, ["ΝΕΣΤΟΡΑΣ"]),
        ({"name": {"contains": "STRASSE"}}, ["Straße 5"]),
        ({"name": {"startsWith": "CAFÉ"}}, ["Cafe\u0301 noir"]),
        ({"name": {"startsWith": "cafe\u0301"}}, ["Cafe\u0301 noir"]),
        ({"name": {"eq": "Cafe\u0301 noir"}}, ["Cafe\u0301 noir"]),
        ({"name": {"eq": "cafe\u0301 noir"}}, []),
        ({"name": {"in": ["Cafe\u0301 noir", "Caf\u00e9 noir"]}}, ["Cafe\u0301 noir"]),
        ({"name": {"contains": "ижев"}}, ["ИЖЕВСК"]),
        ({"name": {"contains": "²"}}, ["Vlies 100 m²"]),
        ({"name": {"contains": "FI"}}, ["ﬁligree"]),
        ({"name": {"contains": "👍"}}, ["👍 emoji 👨\u200d👩\u200d👧"]),
    ],
)
async def test_g5_filters_compare_folded_text(
    ask: Asker, shelf: Oddments, where: dict[str, Any], names: list[str]
) -> None:
    query = "query ($w: ProductWhere) { products(first: 100, where: $w) { nodes { name } } }"
    found = (await ask(query, shelf.tenant, {"w": where})).good["products"]["nodes"]
    assert [row["name"] for row in found] == [unicodedata.normalize("NFC", name) for name in names]


async def test_g5_a_product_is_found_by_its_key_in_every_form(ask: Asker, shelf: Oddments) -> None:
    query = "query ($s: String!) { product(by: { sku: $s }) { sku } }"
    for sku in ("ÄB-1", "A\u0308B-1"):
        assert (await ask(query, shelf.tenant, {"s": sku})).good == {"product": {"sku": "ÄB-1"}}
    assert (await ask(query, shelf.tenant, {"s": "äb-1"})).good == {"product": None}
