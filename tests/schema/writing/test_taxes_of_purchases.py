"""The taxes of purchase orders: what lines bear by product, category and supplier, and what orders come to."""

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from core.ids import encode, new_id
from core.permissions import ROLES
from db.runtime.writer import Writer
from tests.schema.writing.test_taxes import exempt, group, taxed
from tests.schema.writing.test_taxes_of_orders import TAXES, previewed
from tests.support.buyer import Buyer, buying, came, lines, ordered_again
from tests.support.clerk import Clerk, identity
from tests.support.desk import Desk
from tests.support.graph import Asker

SHOWN = f"""subtotal {{ amount }} taxTotal {{ amount }} total {{ amount }} {TAXES}
    lines(first: 250) {{ nodes {{ total {{ amount }} tax {{ code }} }} }}"""
Bill = dict[str, Any]


@pytest.fixture
async def buyer(desk: Desk) -> AsyncIterator[Buyer]:
    async with buying(desk) as found:
        await taxed(found.clerk, "FULL", "19")
        await taxed(found.clerk, "HALF", "7")
        await exempt(found.clerk, "INTRA", "K", reverseRate="19")
        yield found


@pytest.fixture
def shop(buyer: Buyer) -> Clerk:
    return buyer.clerk


async def bill(shop: Clerk, order: Any) -> Bill:
    """A purchase order: its sums, its taxes, and of each line its tax and total."""
    answer = await shop.ask(f"query ($id: ID!) {{ purchaseOrder(by: {{id: $id}}) {{ {SHOWN} }} }}", {"id": order["id"]})
    assert not answer.errors
    found = answer.data["purchaseOrder"]
    return {
        "sums": tuple(found[name]["amount"] for name in ("subtotal", "taxTotal", "total")),
        "taxes": [
            (each["category"], each["rate"], each["base"]["amount"], each["amount"]["amount"])
            for each in found["taxes"]
        ],
        "lines": [(each["tax"] and each["tax"]["code"], each["total"]["amount"]) for each in lines(found)],
    }


def line(product: Any, price: str = "10", quantity: str = "1", **given: Any) -> dict[str, Any]:
    return {"product": {"id": product["id"]}, "quantity": quantity, "unitPrice": price} | given


async def test_a_purchase_order_comes_to_its_lines_and_the_taxes_by_category_and_rate(
    buyer: Buyer, shop: Clerk
) -> None:
    full, half = await shop.product(tax={"code": "FULL"}), await shop.product(tax={"code": "HALF"})
    free = await shop.product()
    cart = [line(full, "10.01", "3"), line(half, "1.07"), line(free, "5"), line(full, "0.03")]
    wanted = {
        "sums": ("36.13", "5.78", "41.91"),
        "taxes": [("S", "7", "1.07", "0.07"), ("S", "19", "30.06", "5.71")],
        "lines": [("FULL", "30.03"), ("HALF", "1.07"), (None, "5.00"), ("FULL", "0.03")],
    }
    for confirm in (False, True):
        made = await buyer.order(lines=cart, confirm=confirm)
        assert (made["subtotal"]["amount"], made["total"]["amount"]) == ("36.13", "41.91")
        assert await bill(shop, made) == wanted
    created = (await shop.events(made))[0]["after"]
    assert (created["subtotal"], created["taxTotal"]) == ("36.13", "5.78")
    assert [each.get("tax") for each in created["lines"]].count(None) == 1
    # What came and what was called off changes nothing of what was agreed.
    received = await shop.do("purchaseOrderReceive", came(made, "1"))
    assert await bill(shop, made) == wanted
    await buyer.act("Cancel", received["purchaseOrder"])
    assert await bill(shop, made) == wanted


async def test_a_line_bears_what_it_names_else_what_becomes_of_its_products_tax(buyer: Buyer, shop: Clerk) -> None:
    full, free = await shop.product(tax={"code": "FULL"}), await shop.product()
    await group(shop, "EU", ("FULL", "INTRA"))
    await buyer.supplier("S-EU", taxGroup={"code": "EU"})
    cart = [
        line(full),
        line(free),
        line(full, tax={"code": "HALF"}),
        line(full, tax=None),
        line(free, tax={"code": "FULL"}),
    ]
    for supplier, borne, tax_total in (("S1", "FULL", "4.50"), ("S-EU", "INTRA", "2.60")):
        made = await buyer.order(lines=cart, supplier={"code": supplier})
        found = await bill(shop, made)
        assert [each[0] for each in found["lines"]] == [borne, None, "HALF", None, "FULL"]
        assert found["sums"][1] == tax_total
        again = await buyer.act("Update", made, lines=cart[:1])
        assert [each[0] for each in (await bill(shop, again))["lines"]] == [borne]


async def test_a_products_tax_is_its_own_else_its_categorys_else_none(buyer: Buyer, shop: Clerk) -> None:
    for code, tax in (("TOP", {"code": "FULL"}), ("BARE", None)):
        await shop.do("productCategoryUpsert", {"code": code, "name": code, "tax": tax})
    below = {"code": "BELOW", "name": "BELOW", "parent": {"code": "TOP"}}
    await shop.do("productCategoryUpsert", below)
    products = [
        await shop.product(**given)
        for given in (
            {"category": {"code": "TOP"}},
            {"category": {"code": "TOP"}, "tax": {"code": "HALF"}},
            {"category": {"code": "BELOW"}},
            {"category": {"code": "BARE"}},
            {"category": {"code": "BARE"}, "tax": {"code": "HALF"}},
        )
    ]
    borne = ["FULL", "HALF", None, None, "HALF"]
    cart = [line(each) for each in products]
    bought = await buyer.order(lines=cart)
    assert [each[0] for each in (await bill(shop, bought))["lines"]] == borne
    sold = [shop.line(each, quantity="1") for each in products]
    assert [each[0] for each in (await previewed(shop, {"lineItems": sold}))["lines"]] == borne
    order = await shop.do("orderCreate", shop.ordering(sold))
    query = "query ($id: ID!) { order(by: {id: $id}) { lineItems { nodes { tax { code } } } } }"
    shown = (await shop.ask(query, {"id": order["id"]})).data["order"]["lineItems"]["nodes"]
    assert [each["tax"] and each["tax"]["code"] for each in shown] == borne
    # Another tax of the category is for new lines only; what a new customer makes of the old one follows.
    await group(shop, "HOME", ("FULL", "INTRA"))
    await shop.do("partnerUpsert", {"code": "C-HOME", "name": "x", "taxGroup": {"code": "HOME"}})
    await shop.do("orderUpdate", {"order": {"id": order["id"]}, "customer": {"code": "C-HOME"}})
    shown = (await shop.ask(query, {"id": order["id"]})).data["order"]["lineItems"]["nodes"]
    assert [each["tax"] and each["tax"]["code"] for each in shown] == ["INTRA", *borne[1:]]
    await shop.do("productCategoryUpsert", {"code": "TOP", "tax": {"code": "HALF"}})
    assert [each[0] for each in (await bill(shop, bought))["lines"]] == borne
    assert [each[0] for each in (await previewed(shop, {"lineItems": sold[:1]}))["lines"]] == ["HALF"]


async def test_the_tax_of_a_category_is_set_and_taken_away(shop: Clerk) -> None:
    query = '{ productCategory(by: {code: "TAXED"}) { id version tax { code } } }'
    given = {"code": "TAXED", "name": "Taxed"}

    async def found() -> Any:
        return (await shop.ask(query)).data["productCategory"]

    missing = given | {"tax": {"code": "nope"}, "parent": {"code": "nope"}}
    assert await shop.refused("productCategoryUpsert", missing) == [("NOT_FOUND", "parent"), ("NOT_FOUND", "tax")]
    assert await found() is None
    made = await shop.do("productCategoryUpsert", given | {"tax": {"code": "FULL"}})
    assert (await found())["tax"] == {"code": "FULL"}
    await shop.do("productCategoryUpsert", given | {"name": "Other"})
    assert (await found())["tax"] == {"code": "FULL"}
    assert await shop.refused("productCategoryUpsert", {"code": "TAXED", "tax": {"code": "nope"}}) == [
        ("NOT_FOUND", "tax")
    ]
    await shop.do("productCategoryUpsert", {"code": "TAXED", "tax": None})
    assert await found() == {"id": made["id"], "version": 3, "tax": None}
    events = [(each["before"], each["after"]) for each in await shop.events(made)]
    tax = encode("tax", identity((await shop.ask('{ tax(by: {code: "FULL"}) { id } }')).data["tax"]))
    assert events[0][1]["tax"] == tax
    assert events[2] == ({"tax": tax}, {"tax": None})


async def test_what_is_wrong_with_taxes_is_told_with_the_rest(buyer: Buyer, shop: Clerk) -> None:
    await taxed(shop, "OLD", "5")
    stale = await shop.product(tax={"code": "OLD"})
    await taxed(shop, "OLD", "5", active=False)
    cart = [
        line(stale, tax={"code": "nope"}),
        line(stale),
        line(stale, tax={"code": "OLD"}),
        line(stale, tax={"id": encode("tax", new_id())}),
        line(stale, tax=None),
    ]
    wrong = [
        ("NOT_FOUND", "lines.0.tax"),
        ("NOT_FOUND", "lines.3.tax"),
        ("INVALID_INPUT", "lines.1.product"),
        ("INVALID_INPUT", "lines.2.tax"),
    ]
    assert sorted(await shop.refused("purchaseOrderCreate", buyer.given(lines=cart))) == sorted(wrong)
    draft = await buyer.order(lines=cart[4:])
    assert sorted(await buyer.refused("Update", draft, lines=cart)) == sorted(wrong)
    assert await bill(shop, draft) == {"sums": ("10.00", "0.00", "10.00"), "taxes": [], "lines": [(None, "10.00")]}
    # 20 categories and rates are the most.
    for number in range(21):
        await taxed(shop, f"T{number}", str(number + 1))
    many = [line(stale, tax={"code": f"T{number}"}) for number in range(21)]
    assert await shop.refused("purchaseOrderCreate", buyer.given(lines=many)) == [("INVALID_INPUT", "lines")]
    assert (await bill(shop, await buyer.order(lines=many[:20])))["sums"] == ("200.00", "21.00", "221.00")


async def test_a_drafts_new_lines_bring_their_taxes(buyer: Buyer, shop: Clerk) -> None:
    full, half = await shop.product(tax={"code": "FULL"}), await shop.product(tax={"code": "HALF"})
    draft = await buyer.order(lines=[line(full)])
    changed = await buyer.act("Update", draft, lines=[line(half, quantity="2")])
    assert await bill(shop, changed) == {
        "sums": ("20.00", "1.40", "21.40"),
        "taxes": [("S", "7", "20.00", "1.40")],
        "lines": [("HALF", "20.00")],
    }
    event = (await shop.events(draft))[-1]
    assert (event["type"], event["after"]["subtotal"], event["after"]["taxTotal"]) == (
        *("purchase_order.updated", "20"),
        "1.4",
    )
    await buyer.act("Update", draft, note="Only a note.")
    assert (await bill(shop, draft))["sums"] == ("20.00", "1.40", "21.40")
    untaxed = await buyer.act("Update", draft, lines=[line(half, tax=None)])
    assert (await bill(shop, untaxed))["sums"] == ("10.00", "0.00", "10.00")


async def test_what_was_ordered_keeps_its_tax_and_the_taxes_rate(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(tax={"code": "HALF"})
    await taxed(shop, "HALF", "8")  # nothing bears it yet
    draft = await buyer.order(lines=[line(product)])
    assert await shop.refused("taxUpsert", {"code": "HALF", "rate": "9"}) == [("INVALID_INPUT", "rate")]
    await shop.do("productUpsert", {"sku": product["sku"], "tax": {"code": "FULL"}})
    await taxed(shop, "HALF", "8", active=False)
    confirmed = await buyer.act("Confirm", draft)
    assert (await bill(shop, confirmed))["sums"] == ("10.00", "0.80", "10.80")
    await shop.do("purchaseOrderReceive", came(confirmed, "1"))
    assert (await bill(shop, confirmed))["lines"] == [("HALF", "10.00")]


async def test_a_supplier_may_deliver_what_it_would_invoice_apart(buyer: Buyer, shop: Clerk) -> None:
    """That nothing goes with category O is a rule of invoices, and those of suppliers are theirs to write."""
    await exempt(shop, "OUTSIDE", "O")
    full, fee = await shop.product(tax={"code": "FULL"}), await shop.product(tax={"code": "OUTSIDE"})
    made = await buyer.order(lines=[line(full), line(fee)], confirm=True)
    assert (await bill(shop, made))["taxes"] == [("O", "0", "10.00", "0.00"), ("S", "19", "10.00", "1.90")]


async def test_a_purchase_order_bears_the_rate_that_stands_when_both_happen_at_once(buyer: Buyer, shop: Clerk) -> None:
    await taxed(shop, "RACE", "1")
    product = await shop.product(tax={"code": "RACE"})
    for rate in range(2, 8):
        change = shop.send("taxUpsert", {"code": "RACE", "rate": str(rate)})
        order = shop.send("purchaseOrderCreate", buyer.given(lines=[line(product, quantity="100")]))
        await asyncio.gather(*random.sample([change, order], 2))
    assert await shop.differences() == []


async def test_replenish_taxes_its_drafts_as_their_suppliers_are(buyer: Buyer, shop: Clerk) -> None:
    await shop.do("productCategoryUpsert", {"code": "GOODS", "name": "x", "tax": {"code": "FULL"}})
    await group(shop, "EU", ("FULL", "INTRA"))
    await buyer.supplier("S-EU", taxGroup={"code": "EU"})
    price = {"amount": "2", "currency": "EUR"}
    for supplier, given in (
        ("S1", {"category": {"code": "GOODS"}}),
        ("S1", {"tax": {"code": "HALF"}}),
        ("S-EU", {"category": {"code": "GOODS"}}),
        ("S-EU", {}),
    ):
        product = await shop.product(**given)
        await buyer.supplies(product, supplier, price=price)
        await buyer.rule(product, "5", "10")
    made = await shop.do("replenish", {})
    found = {each["supplier"]["code"]: await bill(shop, each) for each in made}
    assert found == {
        "S1": {
            "sums": ("40.00", "5.20", "45.20"),
            "taxes": [("S", "7", "20.00", "1.40"), ("S", "19", "20.00", "3.80")],
            "lines": [("FULL", "20.00"), ("HALF", "20.00")],
        },
        "S-EU": {
            "sums": ("40.00", "0.00", "40.00"),
            "taxes": [("K", "0", "20.00", "0.00")],
            "lines": [("INTRA", "20.00"), (None, "20.00")],
        },
    }
    assert [(await shop.events(each))[0]["after"].get("taxTotal") for each in made] == ["5.2", "0"]
    # A tax that is no longer used is nobody's: a line without one would be wrong, and nobody would see it.
    late = await shop.product(tax={"code": "HALF"})
    await buyer.supplies(late, price=price)
    rule = await buyer.rule(late, "5", "10")
    await taxed(shop, "HALF", "7", active=False)
    assert await shop.refused("replenish", {"rules": [rule["id"]]}) == [("INVALID_INPUT", "rules")]
    assert len((await shop.ask("{ purchaseOrders { nodes { id } } }")).data["purchaseOrders"]["nodes"]) == 2


async def test_taxes_take_one_statement_more_and_none_without_them(
    buyer: Buyer, shop: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        if "budgets" not in sql and "number_series" not in sql:
            ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    for kind, tax in (("T", "(SELECT id FROM taxes WHERE tenant_id = $1 AND code = 'FULL')"), ("U", "NULL::uuid")):
        await shop.admin.execute(
            "INSERT INTO products (tenant_id, id, sku, name, tax_id)"
            f" SELECT $1, gen_random_uuid(), '{kind}' || n, 'M', {tax} FROM generate_series(1, 500) n",
            shop.tenant,
        )
    await group(shop, "MANY", ("FULL", "INTRA"))
    await buyer.supplier("S-MANY", taxGroup={"code": "MANY"})
    found: dict[str, list[list[int]]] = {"U": [], "T": []}
    for kind, counts in found.items():
        for size in (1, 500):
            names = [f"{kind}{n}" for n in range(1, size + 1)]
            cart = [{"product": {"sku": name}, "quantity": "1", "unitPrice": "3"} for name in names]
            costs = []
            ran.clear()
            order = await buyer.order(lines=cart, supplier={"code": "S-MANY"})
            costs.append(len(ran))
            ran.clear()
            await buyer.act("Update", order, lines=cart)
            costs.append(len(ran))
            ran.clear()
            await buyer.act("Confirm", order)
            costs.append(len(ran))
            await ordered_again(shop, "S-MANY", names)
            ran.clear()
            await shop.do("replenish", {})
            costs.append(len(ran))
            counts.append(costs)
    create, update, confirm, replenish = found["U"][0]
    more = [create + 1, update + 1, confirm, replenish + 1]
    assert found == {"U": [found["U"][0]] * 2, "T": [more] * 2}


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_the_taxes_of_a_page_take_a_statement_and_a_buyer_sees_them(
    buyer: Buyer, shop: Clerk, *, breadth_first: bool
) -> None:
    product = await shop.product(tax={"code": "FULL"})
    for number in range(1, 7):
        await buyer.order(lines=[line(product, quantity=str(number))])
    ask = Asker(shop.database)
    order = "orderBy: [{field: TOTAL, direction: ASC}]"
    may: Any = {"permissions": ROLES["buyer"], "breadth_first": breadth_first}
    for size in (2, 6):
        query = f"""{{ purchaseOrders(first: {size}, {order}) {{ nodes {{ {TAXES}
            lines {{ nodes {{ tax {{ code }} }} }} }} }} }}"""
        nodes = (await ask(query, shop.tenant, **may)).good["purchaseOrders"]["nodes"]
        assert [each["taxes"][0]["amount"]["amount"] for each in nodes] == [
            f"{n * Decimal('1.9'):.2f}" for n in range(1, size + 1)
        ]
        assert all(each["lines"]["nodes"] == [{"tax": {"code": "FULL"}}] for each in nodes)
        if breadth_first:
            await shop.ask(f"{{ purchaseOrders(first: {size}, {order}) {{ nodes {{ {TAXES} }} }} }}")
            assert shop.read == 2
    blind = ROLES["buyer"] - {"pricing:read"}
    query = "{ purchaseLines { nodes { tax { code } } } }"
    denied = await ask(query, shop.tenant, permissions=blind, breadth_first=breadth_first)
    assert denied.errors[0].message.endswith("it needs pricing:read.")


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE purchase_orders SET tax_total = tax_total + 0.01 WHERE id = $1",
        "UPDATE purchase_lines SET tax_id = NULL WHERE purchase_order_id = $1",
        "UPDATE taxes SET rate = 20 WHERE id = (SELECT tax_id FROM purchase_lines WHERE purchase_order_id = $1)",
    ],
)
async def test_a_planted_fault_is_found(desk: Desk, fault: str) -> None:
    buyer = Buyer(await desk.open())
    await buyer.supplier()
    await taxed(buyer.clerk, "FULL", "19")
    product = await buyer.clerk.product(tax={"code": "FULL"})
    order = await buyer.order(lines=[line(product)])
    assert await buyer.clerk.differences() == []
    await buyer.clerk.admin.execute(fault, identity(order))
    [found] = await buyer.clerk.differences()
    assert found["rule"] == "A purchase order's tax is the sum of what its lines bear, rounded by category and rate."
