"""The taxes of orders as they are seen: in how many statements, by whom, and when they are wrong."""

from typing import Any

import pytest

from core.permissions import ROLES
from db.runtime.writer import Writer
from services.taxes.taxing import MAX_KINDS
from tests.schema.writing.test_taxes import exempt, group, taxed
from tests.schema.writing.test_taxes_of_orders import TAXES, customer, full, previewed
from tests.support.clerk import Clerk, identity
from tests.support.desk import Desk
from tests.support.graph import Asker

__all__ = ["full"]


async def test_taxes_take_one_statement_more_and_none_without_them(
    shop: Clerk, full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    for kind, tax in (("T", "(SELECT id FROM taxes WHERE tenant_id = $1 AND code = 'FULL')"), ("U", "NULL::uuid")):
        await shop.admin.execute(
            "INSERT INTO products (tenant_id, id, sku, name, list_price, list_price_currency, tax_id)"
            f" SELECT $1, gen_random_uuid(), '{kind}' || n, 'M', 3, 'EUR', {tax} FROM generate_series(1, 500) n",
            shop.tenant,
        )
    await group(shop, "MANY", ("FULL", "INTRA"))
    whom = await customer(shop, "C-MANY", "MANY")
    found: dict[str, list[int]] = {"U": [], "T": []}
    for kind, counts in found.items():
        for size in (1, 500):
            cart = [{"product": {"sku": f"{kind}{n}"}, "quantity": "1"} for n in range(1, size + 1)]
            ran.clear()
            order = await shop.do("orderCreate", whom | {"lineItems": cart, "number": f"{kind} {size}"})
            counts.append(len([sql for sql in ran if "budgets" not in sql]))
            assert ("tax_id, net" in " ".join(ran)) is (kind == "T")
            ran.clear()
            await shop.do("orderConfirm", {"order": {"id": order["id"]}, "allowBackorder": True})
            counts.append(len([sql for sql in ran if "budgets" not in sql]))
    create, confirm = found["U"][:2]
    assert found == {"U": [create, confirm] * 2, "T": [create + 1, confirm] * 2}


async def test_twenty_taxes_take_as_many_statements_as_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of one line and one of 500 that bears as many taxes as it may, some by its customer's group and some of categories:
    previewed, created, confirmed and read.
    """
    shop, ran, rows = await desk.open(), list[str](), Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        if "budgets" not in sql and "number_series" not in sql:  # what other applications leave, and blocks of numbers
            ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    for number in range(1, MAX_KINDS + 1):
        await taxed(shop, f"T{number}", str(number))
        await shop.do("productCategoryUpsert", {"code": f"C{number}", "name": "C", "tax": {"code": f"T{number}"}})
    await exempt(shop, "INTRA", "K")
    await group(shop, "FIRST", ("T1", "INTRA"))
    whom = await customer(shop, "C-TAXES", "FIRST")
    await shop.admin.execute(
        """INSERT INTO products (tenant_id, id, sku, name, list_price, list_price_currency, tax_id, category_id)
           SELECT $1, gen_random_uuid(), 'M' || n, 'M', 3, 'EUR', CASE WHEN n % 2 = 0 THEN x.id END, CASE WHEN n % 2 = 1 THEN c.id END
           FROM generate_series(1, 500) n
           JOIN taxes x ON x.tenant_id = $1 AND x.code = 'T' || (n % 20 + 1)
           JOIN product_categories c ON c.tenant_id = $1 AND c.code = 'C' || (n % 20 + 1)""",
        shop.tenant,
    )
    query = f"query ($id: ID!) {{ order(by: {{id: $id}}) {{ {TAXES} lineItems(first: 250) {{ nodes {{ tax {{ code }} }} }} }} }}"
    found = {}
    for size, kinds in ((1, 1), (500, MAX_KINDS)):
        cart = [{"product": {"sku": f"M{n}"}, "quantity": "1"} for n in range(1, size + 1)]
        seen = await previewed(shop, whom | {"lineItems": cart})
        counts = [shop.read]
        assert len(seen["taxes"]) == kinds
        for field, given in (
            ("orderCreate", whom | {"lineItems": cart, "externalId": f"taxes {size}"}),
            ("orderConfirm", {"order": {"externalId": f"taxes {size}"}, "allowBackorder": True}),
        ):
            ran.clear()
            order = await shop.do(field, given)
            counts.append(len(ran))
        shown = (await shop.ask(query, {"id": order["id"]})).data["order"]
        assert len(shown["taxes"]) == kinds
        found[size] = [*counts, shop.read]
    # The preview's: customer, products, taxes, what is there; and the lines' taxes. Of the order: itself, its taxes, lines, their taxes.
    # The confirmation looks whether taxes of several categories may be on one invoice, where there are several.
    assert found == {1: [5, 3, 5, 4], 500: [5, 3, 6, 4]}


async def test_the_taxes_of_a_page_of_orders_take_a_statement(desk: Desk) -> None:
    shop = await desk.open()
    await taxed(shop, "FULL", "19")
    product = await shop.product(tax={"code": "FULL"})
    for number in range(1, 7):
        await shop.order((product, str(number)))
    for size in (2, 6):
        query = f"{{ orders(first: {size}, orderBy: [{{field: TOTAL, direction: ASC}}]) {{ nodes {{ {TAXES} }} }} }}"
        nodes = (await shop.ask(query)).data["orders"]["nodes"]
        assert [each["taxes"][0]["amount"]["amount"] for each in nodes] == [
            f"{n * 1.9:.2f}" for n in range(1, size + 1)
        ]
        assert shop.read == 2


async def test_a_preview_takes_one_statement_more(shop: Clerk, full: Any) -> None:
    free, counts = await shop.product(), []
    for product in (free, full):
        await previewed(shop, {"lineItems": [shop.line(product, quantity="1")]})
        counts.append(shop.read - (product is full))  # and one that reads the line's tax
    assert counts[1] == counts[0] + 1


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_a_partner_sees_its_orders_taxes_and_what_a_preview_comes_to(desk: Desk, *, breadth_first: bool) -> None:
    shop = await desk.open()
    ask = Asker(shop.database)
    await taxed(shop, "FULL", "19")
    await exempt(shop, "INTRA", "K")
    full = await shop.product(tax={"code": "FULL"})
    await group(shop, "EU", ("FULL", "INTRA"))
    whom, other = await customer(shop, "ME", "EU"), await customer(shop, "THEY", None)
    cart = [shop.line(full, quantity="1")]
    for each in (whom, other):
        await shop.do("orderCreate", each | {"lineItems": cart})
    partners = (await shop.ask("{ partners { nodes { id code } } }")).data["partners"]["nodes"]
    me = identity(next(each for each in partners if each["code"] == "ME"))
    may: Any = {"permissions": ROLES["partner"], "partner": me, "breadth_first": breadth_first}
    query = f"{{ orders {{ nodes {{ total {{ amount }} {TAXES} lineItems {{ nodes {{ net {{ amount }} }} }} }} }} }}"
    mine = {
        "total": {"amount": "10.00"},
        "taxes": [
            {
                "category": "K",
                "rate": "0",
                "base": {"amount": "10.00"},
                "amount": {"amount": "0.00"},
                "exemptionReason": "Because of INTRA",
            }
        ],
        "lineItems": {"nodes": [{"net": {"amount": "10.00"}}]},
    }
    assert (await ask(query, shop.tenant, **may)).good == {"orders": {"nodes": [mine]}}
    preview = f"query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ total {{ amount }} {TAXES} }} }}"
    found = (await ask(preview, shop.tenant, {"input": {"lineItems": cart}}, **may)).good["orderPreview"]
    assert found == {name: mine[name] for name in ("total", "taxes")}
    named = {"lineItems": [cart[0] | {"tax": {"code": "FULL"}}]}
    for document, variables in ((preview, {"input": named}), ("{ lineItems { nodes { tax { code } } } }", None)):
        denied = await ask(document, shop.tenant, variables, **may)
        assert denied.errors[0].message.endswith("it needs pricing:read.")


@pytest.mark.parametrize(
    "fault, rule",
    [
        ("UPDATE orders SET tax_total = tax_total + 0.01 WHERE id = $1", "An order's tax is the sum of"),
        (
            "UPDATE orders SET tax_total = tax_total - 0.01, subtotal = subtotal + 0.01 WHERE id = $1",
            "An order's subtotal",
        ),
        ("UPDATE line_items SET net = net - 0.01 WHERE order_id = $1", "What of an order's lines isn't tax"),
        ("UPDATE line_items SET tax_id = NULL WHERE order_id = $1", "An order's tax is the sum of"),
        ("UPDATE orders SET prices_include_tax = false WHERE id = $1", "An order's tax is the sum of"),
    ],
)
async def test_a_planted_fault_is_found(desk: Desk, fault: str, rule: str) -> None:
    shop = await desk.open()
    await taxed(shop, "FULL", "19")
    product = await shop.product(tax={"code": "FULL"})
    order = await shop.do("orderCreate", shop.ordering([shop.line(product, quantity="3")], pricesIncludeTax=True))
    assert await shop.differences() == []
    await shop.admin.execute(fault, identity(order))
    found = await shop.differences()
    assert [each for each in found if each["rule"].startswith(rule)], found
