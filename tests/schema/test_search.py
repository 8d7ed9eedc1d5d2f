"""Full-text search, relevance, and counts that stop at their cap."""

from typing import Any

import pytest

from tests.support.graph import Asker
from tests.support.oddments import NAMES, Oddments


async def names(ask: Asker, data: Oddments, search: str | None, more: str = "") -> list[str]:
    query = f"query ($s: String) {{ products(first: 250, search: $s {more}) {{ nodes {{ name }} totalCount {{ value }} }} }}"
    found = (await ask(query, data.tenant, {"s": search})).good["products"]
    assert found["totalCount"]["value"] == len(found["nodes"])
    return [row["name"] for row in found["nodes"]]


LAMPS = {"Lamp", "lamp", "LAMP shade"}
BACK = {"back\\slash", "back/slash"}


@pytest.mark.parametrize(
    "search, expected",
    [
        ("lamp", LAMPS),
        ("LAMP", LAMPS),
        ("lam", LAMPS),
        ("l", LAMPS),
        ("amp", set()),
        ("lamp shade", {"LAMP shade"}),
        ("sha, lam!", {"LAMP shade"}),
        ("lamp nowhere", set()),
        ("100% wool", {"100% wool", "100 wool"}),
        ("back/slash", BACK),
        ("slash", BACK),
        ("a & b | !c", set()),
        ("lamp:*", LAMPS),
        ("'lamp", LAMPS),
        ("lamp) | (wool", set()),
        ("twice quoted", {"'quoted' \"twice\""}),
        ("about lamp", {"Lamp", "LAMP shade"}),
        ("\n lamp \t", LAMPS),
        (" ".join(["lamp"] * 100), LAMPS),
    ],
)
async def test_every_word_as_the_beginning_of_a_word(
    ask: Asker, oddments: Oddments, search: str, expected: set[str]
) -> None:
    assert {*await names(ask, oddments, search)} == expected


async def test_null_is_no_search(ask: Asker, oddments: Oddments) -> None:
    every = await names(ask, oddments, None)
    skus = {row["name"]: row["sku"] for row in oddments["products"]}
    assert {*every} == {*NAMES}
    assert every == sorted(every, key=lambda name: skus[name])  # the default order, not relevance


@pytest.mark.parametrize(
    "search", ["", " ", "\t\n", "-", "--", "%", "'", "&|!():*", "😀", "★", "&", "…", "\u200b", "\ufeff"]
)
async def test_g4_a_search_without_a_word_finds_nothing(ask: Asker, oddments: Oddments, search: str) -> None:
    assert await names(ask, oddments, search) == []


async def test_a_search_has_the_length_of_a_name(ask: Asker, oddments: Oddments) -> None:
    assert await names(ask, oddments, "ä" * 500) == []
    answer = await ask(
        "query ($s: String) { products(search: $s) { nodes { id } } }", oddments.tenant, {"s": "x" * 501}
    )
    assert answer.refusal == (["products"], ("search",))
    assert (answer.data, answer.ran) == (None, [])


@pytest.mark.parametrize(
    "search, expected", [("ÄRG", {"Ärger", "ärger"}), ("日本", {"日本語"}), ("עולם", {"שלום עולם"})]
)
async def test_words_in_every_script(ask: Asker, oddments: Oddments, search: str, expected: set[str]) -> None:
    assert {*await names(ask, oddments, search)} == expected
    assert {*await names(ask, oddments, search.lower())} == expected


async def test_the_best_comes_first_and_pages_go_on(ask: Asker, oddments: Oddments) -> None:
    best = await names(ask, oddments, "lamp")
    assert await names(ask, oddments, "lamp", "orderBy: { field: RELEVANCE, direction: DESC }") == best
    assert await names(ask, oddments, "lamp", "orderBy: { field: RELEVANCE }") == best[::-1]
    query = """query ($a: String) { products(first: 1, after: $a, search: "lamp") { nodes { name } pageInfo { endCursor hasNextPage } } }"""
    walked: list[str] = []
    place: Any = None
    for _ in range(3):
        found = (await ask(query, oddments.tenant, {"a": place})).good["products"]
        walked += [row["name"] for row in found["nodes"]]
        place = found["pageInfo"]["endCursor"]
        assert found["pageInfo"]["hasNextPage"] == (len(walked) < 3)
    assert walked == best


async def test_search_goes_with_filters_and_sorts(ask: Asker, oddments: Oddments) -> None:
    more = 'where: { name: { ne: "Lamp" } }, orderBy: [{ field: NAME }, { field: RELEVANCE }]'
    assert {*await names(ask, oddments, "lamp", more)} == LAMPS - {"Lamp"}


async def test_orders_and_partners_are_searched_too(ask: Asker, oddments: Oddments) -> None:
    query = """{ a: orders(search: "left door") { totalCount { value } } b: orders(search: "shop 3") { nodes { number } }
      c: orders(search: "n 007") { nodes { number } } d: partners(search: "neil o") { nodes { code } } }"""
    found = (await ask(query, oddments.tenant)).good
    assert found["a"]["totalCount"]["value"] == 6
    assert [row["number"] for row in found["b"]["nodes"]] == ["N-003"]
    assert [row["number"] for row in found["c"]["nodes"]] == ["N-007"]
    assert [row["code"] for row in found["d"]["nodes"]] == ["C4"]


# ---------------------------------------------------------------- counts


async def count(ask: Asker, data: Oddments, arguments: str, field: str = "orders") -> Any:
    answer = await ask(f"{{ {field}(first: 1) {{ totalCount{arguments} {{ value exact }} }} }}", data.tenant)
    return answer.good[field]["totalCount"]


async def test_counting_stops_at_the_cap_and_says_so(ask: Asker, oddments: Oddments) -> None:
    caps = {"": (16, True), "(max: 17)": (16, True), "(max: 16)": (16, True), "(max: 15)": (15, False)}
    caps |= {"(max: 1)": (1, False), "(max: 0)": (0, False), "(max: 100000)": (16, True)}
    for arguments, (value, exact) in caps.items():
        assert await count(ask, oddments, arguments) == {"value": value, "exact": exact}
    empty = 'orders(where: { number: { eq: "none" } }) { totalCount(max: 0) { value exact } }'
    answer = await ask(f"{{ {empty} }}", oddments.tenant)
    assert answer.good["orders"]["totalCount"] == {"value": 0, "exact": True}


async def test_a_count_reads_no_further_than_its_cap(ask: Asker, larkspur: Any) -> None:
    answer = await ask("{ orders { totalCount(max: 5) { value exact } } }", larkspur)
    assert answer.good["orders"]["totalCount"] == {"value": 5, "exact": False}
    [ran] = answer.ran
    assert ran.rows == 1
    assert "LIMIT" in ran.sql


@pytest.mark.parametrize("cap", ["-1", "100001", "2147483647"])
async def test_a_cap_that_makes_no_sense(ask: Asker, oddments: Oddments, cap: str) -> None:
    answer = await ask(f"{{ orders {{ totalCount(max: {cap}) {{ value }} }} }}", oddments.tenant)
    assert answer.refusal == (["orders", "totalCount"], ("max",))
    assert (answer.data, answer.ran) == (None, [])


async def test_counts_are_of_the_list_whatever_the_page(ask: Asker, oddments: Oddments) -> None:
    cursor = (await ask("{ orders(first: 9) { pageInfo { endCursor } } }", oddments.tenant)).good["orders"]["pageInfo"]
    pages = ("", "(first: 0)", "(last: 2)", f'(after: "{cursor["endCursor"]}")', "(orderBy: { field: TOTAL })")
    for page in pages:
        answer = await ask(f"{{ orders{page} {{ totalCount {{ value exact }} }} }}", oddments.tenant)
        assert answer.good == {"orders": {"totalCount": {"value": 16, "exact": True}}}
        assert len(answer.ran) == 1


async def test_counts_per_parent_with_a_filter(ask: Asker, oddments: Oddments) -> None:
    query = """{ orders(first: 250, orderBy: { field: NUMBER }) { nodes { number
      all: lineItems { totalCount { value exact } } one: lineItems { totalCount(max: 1) { value exact } }
      some: lineItems(where: { quantity: { gt: "1" } }, first: 0) { totalCount { value } } } } }"""
    large = {order["id"]: 0 for order in oddments["orders"]}
    for line in oddments["line_items"]:
        large[line["order_id"]] += line["quantity"] > 1
    for index, (row, order) in enumerate(
        zip((await ask(query, oddments.tenant)).good["orders"]["nodes"], oddments["orders"], strict=True)
    ):
        lines = index % 4
        assert row["all"]["totalCount"] == {"value": lines, "exact": True}
        assert row["one"]["totalCount"] == {"value": min(lines, 1), "exact": lines < 2}
        assert row["some"]["totalCount"] == {"value": large[order["id"]]}
