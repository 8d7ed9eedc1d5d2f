"""Categories of products: made, changed, put into a tree, and what products are in them."""

import asyncio
from typing import Any

import pytest

from core.catalog import MOST_LEVELS
from db.runtime.writer import Writer
from tests.support.clerk import Clerk
from tests.support.desk import Desk


async def category(shop: Clerk, code: str, parent: str | None = None, **given: Any) -> Any:
    whose = {"parent": {"code": parent}} if parent else {}
    return await shop.do("productCategoryUpsert", {"code": code, "name": code, **whose, **given})


async def test_a_category_is_made_and_changed(shop: Clerk) -> None:
    made = await category(shop, "PLAIN")
    assert made | {"id": ""} == {
        "id": "",
        "code": "PLAIN",
        "name": "PLAIN",
        "costMethod": "AVERAGE",
        "version": 1,
        "parent": None,
        "children": {"nodes": []},
    }
    assert await category(shop, "PLAIN") == made
    await category(shop, "ABOVE")
    changed = await category(shop, "PLAIN", "ABOVE", name="New", costMethod="FIFO")
    assert (changed["id"], changed["name"], changed["costMethod"], changed["version"]) == (made["id"], "New", "FIFO", 2)
    assert changed["parent"] == {"code": "ABOVE"}
    assert (await category(shop, "ABOVE"))["children"] == {"nodes": [{"code": "PLAIN"}]}
    apart = await shop.do("productCategoryUpsert", {"code": "PLAIN", "parent": None, "expectedVersion": 2})
    assert (apart["parent"], apart["version"], apart["costMethod"]) == (None, 3, "FIFO")
    stale = {"code": "PLAIN", "name": "x", "expectedVersion": 1}
    assert await shop.refused("productCategoryUpsert", stale) == [("VERSION_CONFLICT", "expectedVersion")]
    above = (await category(shop, "ABOVE"))["id"]
    assert [(each["type"], each["version"], each["before"], each["after"]) for each in await shop.events(made)] == [
        ("product_category.created", 1, None, {"code": "PLAIN", "name": "PLAIN"}),
        (
            *("product_category.updated", 2, {"name": "PLAIN", "costMethod": "AVERAGE", "parent": None}),
            {"name": "New", "costMethod": "FIFO", "parent": above},
        ),
        ("product_category.updated", 3, {"parent": above}, {"parent": None}),
    ]


@pytest.mark.parametrize(
    "given,wanted",
    [
        ({"code": "NAMELESS"}, [("INVALID_INPUT", "name")]),
        ({"code": "ORPHAN", "name": "x", "parent": {"code": "nope"}}, [("NOT_FOUND", "parent")]),
        ({"code": "BOTH", "parent": {"code": "nope"}}, [("NOT_FOUND", "parent"), ("INVALID_INPUT", "name")]),
        ({"code": "LONG", "name": "x" * 301}, [("INVALID_INPUT", "name")]),
        ({"code": " ", "name": "x"}, [("INVALID_INPUT", "code")]),
        ({"code": "NEW", "name": "x", "expectedVersion": 1}, [("NOT_FOUND", "code")]),
    ],
)
async def test_a_category_that_cannot_be_is_refused(
    shop: Clerk, given: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert await shop.refused("productCategoryUpsert", given) == wanted


async def test_no_category_is_below_itself(shop: Clerk) -> None:
    await category(shop, "A")
    await category(shop, "B", "A")
    await category(shop, "C", "B")
    for code, parent in (("A", "A"), ("A", "B"), ("A", "C"), ("B", "C")):
        given = {"code": code, "parent": {"code": parent}}
        assert await shop.refused("productCategoryUpsert", given) == [("INVALID_INPUT", "parent")]
    # The lower part elsewhere, and then it goes.
    await shop.do("productCategoryUpsert", {"code": "B", "parent": None})
    assert (await category(shop, "A", "C"))["parent"] == {"code": "C"}


async def test_a_tree_has_so_many_levels(shop: Clerk) -> None:
    for level in range(1, MOST_LEVELS):
        await category(shop, f"T{level}", f"T{level - 1}" if level > 1 else None)
    await category(shop, "T-LAST")
    assert (await category(shop, "T-LAST", f"T{MOST_LEVELS - 1}"))["version"] == 2
    await category(shop, "T-MORE")
    too_deep = {"code": "T-MORE", "parent": {"code": "T-LAST"}}
    assert await shop.refused("productCategoryUpsert", too_deep) == [("INVALID_INPUT", "parent")]
    new = {"code": "T-NEW", "name": "x", "parent": {"code": "T-LAST"}}
    assert await shop.refused("productCategoryUpsert", new) == [("INVALID_INPUT", "parent")]


async def test_two_at_once_make_no_circle(shop: Clerk) -> None:
    for number in range(6):
        await category(shop, f"X{number}")
        await category(shop, f"Y{number}")
        answers = await asyncio.gather(
            shop.payload("productCategoryUpsert", {"code": f"X{number}", "parent": {"code": f"Y{number}"}}),
            shop.payload("productCategoryUpsert", {"code": f"Y{number}", "parent": {"code": f"X{number}"}}),
        )
        codes = sorted(each["code"] for answer in answers for each in answer["userErrors"])
        assert codes == ["INVALID_INPUT"]


async def test_a_product_is_in_a_category(shop: Clerk) -> None:
    first, second = await category(shop, "FIRST"), await category(shop, "SECOND")
    products = [await shop.product(category={"code": "FIRST"}) for _ in range(3)]
    other = await shop.product(category={"id": second["id"]})
    assert products[0]["category"] == {"code": "FIRST"}
    query = """query ($where: ProductWhere) { products(where: $where) { nodes { sku } }
        productCategory(by: {code: "FIRST"}) { products { totalCount { value } nodes { sku } } } }"""
    found = (await shop.ask(query, {"where": {"category": {"eq": first["id"]}}})).data
    skus = [{"sku": each["sku"]} for each in sorted(products, key=lambda each: str(each["sku"]))]
    assert found == {
        "products": {"nodes": skus},
        "productCategory": {"products": {"totalCount": {"value": 3}, "nodes": skus}},
    }
    either = {"category": {"in": [first["id"], second["id"]]}}
    assert len((await shop.ask(query, {"where": either})).data["products"]["nodes"]) == 4
    moved = await shop.do("productUpsert", {"sku": other["sku"], "category": {"code": "FIRST"}})
    assert (moved["category"], moved["version"]) == ({"code": "FIRST"}, 2)
    assert (await shop.do("productUpsert", {"sku": other["sku"], "name": "Kept"}))["category"] == {"code": "FIRST"}
    assert (await shop.do("productUpsert", {"sku": other["sku"], "category": None}))["category"] is None
    wrong = {"sku": "NEW-ONE", "category": {"code": "nope"}}
    assert await shop.refused("productUpsert", wrong) == [("NOT_FOUND", "category"), ("INVALID_INPUT", "name")]
    event = (await shop.events(other))[1]
    assert (event["before"], event["after"]) == ({"category": second["id"]}, {"category": first["id"]})


async def test_what_is_in_stock_is_valued_in_one_way(shop: Clerk) -> None:
    await category(shop, "AVG")
    await category(shop, "FIFO", costMethod="FIFO")
    there = await shop.product({"SHELF": "1"}, category={"code": "FIFO"})
    bare = await shop.product({"SHELF": "1"})
    for sku, code in ((there["sku"], "AVG"), (bare["sku"], "FIFO")):
        assert await shop.refused("productUpsert", {"sku": sku, "category": {"code": code}}) == [
            ("INVALID_INPUT", "category")
        ]
    assert await shop.refused("productUpsert", {"sku": there["sku"], "category": None}) == [
        ("INVALID_INPUT", "category")
    ]
    assert await shop.refused("productCategoryUpsert", {"code": "FIFO", "costMethod": "AVERAGE"}) == [
        ("INVALID_INPUT", "costMethod")
    ]
    # In the same way, or once nothing is left.
    assert (await shop.do("productUpsert", {"sku": bare["sku"], "category": {"code": "AVG"}}))["version"] == 2
    gone = [shop.line(there, location=shop.places["SHELF"], onHand="0")]
    await shop.do("stockSet", {"lines": gone, "reason": "gone"})
    assert (await category(shop, "FIFO", costMethod="AVERAGE"))["costMethod"] == "AVERAGE"


async def test_its_statements(shop: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a tree of any depth; and a product that says nothing of a category takes none more."""
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)

    async def taken(field: str, given: dict[str, Any]) -> int:
        ran.clear()
        await shop.do(field, given)
        return len([sql for sql in ran if "budgets" not in sql])

    for level in range(10):
        await category(shop, f"D{level}", f"D{level - 1}" if level else None)
    found = []
    for code in ("D0", "D9"):
        await category(shop, f"UNDER-{code}")
        found.append(await taken("productCategoryUpsert", {"code": f"UNDER-{code}", "parent": {"code": code}}))
    assert found == [6, 6]
    assert await taken("productUpsert", {"sku": "D", "name": "D"}) == 3
    assert await taken("productUpsert", {"sku": "D", "category": {"code": "D1"}}) == 5


async def test_another_tenant_sees_and_uses_none_of_it(shop: Clerk, rival: Clerk) -> None:
    made = await category(shop, "FOREIGN")
    theirs = {"id": made["id"]}
    assert await rival.refused("productCategoryUpsert", {"code": "MINE", "name": "x", "parent": theirs}) == [
        ("NOT_FOUND", "parent")
    ]
    assert await rival.refused("productUpsert", {"sku": "MINE", "name": "x", "category": theirs}) == [
        ("NOT_FOUND", "category")
    ]
    query = """query ($id: ID!) { productCategory(by: {id: $id}) { id } node(id: $id) { id }
        productCategories { totalCount { value } } products(where: {category: {eq: $id}}) { nodes { sku } } }"""
    assert (await rival.ask(query, {"id": made["id"]})).data == {
        "productCategory": None,
        "node": None,
        "productCategories": {"totalCount": {"value": 0}},
        "products": {"nodes": []},
    }


async def test_pages_of_parents_parts_and_products_take_a_statement_for_each_level(desk: Desk) -> None:
    shop = await desk.open()
    for number in range(6):
        await category(shop, f"P{number}")
        await category(shop, f"P{number}-A", f"P{number}")
        await shop.product(category={"code": f"P{number}"})
    query = """query ($n: Int!) { productCategories(first: $n) { nodes { parent { code } children { nodes { code } }
        products { nodes { sku category { code } } } } } }"""
    for size in (2, 12):
        assert len((await shop.ask(query, {"n": size})).data["productCategories"]["nodes"]) == size
        assert shop.read == 4
