"""What lines cost by a price list: of new orders, changed ones and previews; and who sees whose prices."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.ids import encode, new_id
from core.permissions import EVERYTHING, ROLES
from db.runtime.writer import Writer
from tests.schema.writing.test_previews import paths, previewed
from tests.schema.writing.test_price_lists import price_list
from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk
from tests.support.graph import Asker


async def customer(shop: Clerk, code: str, of_list: str | None) -> dict[str, Any]:
    """A customer that buys by a list."""
    ref = of_list and {"code": of_list}
    await shop.do("partnerUpsert", {"code": code, "name": code, "priceList": ref})
    return {"customer": {"code": code}}


def costs(order: Any) -> list[str]:
    return [line["unitPrice"]["amount"] for line in lines(order)]


# ---------------------------------------------------------------- what lines cost


async def test_a_line_costs_what_was_given_else_by_the_list_else_the_list_price(shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    made = await price_list(shop, "SHOP", shop.line(product, amount="8"), shop.line(product, amount="7", minimum="10"))
    await customer(shop, "C-SHOP", "SHOP")
    given: dict[str, Any] = {
        "customer": {"code": "C-SHOP"},
        "lineItems": [shop.line(product, quantity="6"), shop.line(other, quantity="1")],
    }
    order = await shop.do("orderCreate", given)
    assert costs(order) == ["8.00", "10.00"]
    query = "query ($id: ID!) { order(by: {id: $id}) { priceList { code } customer { priceList { id } } } }"
    found = (await shop.ask(query, {"id": order["id"]})).data["order"]
    assert found == {"priceList": {"code": "SHOP"}, "customer": {"priceList": {"id": made["id"]}}}
    assert (await shop.events(order))[0]["after"]["priceList"] == made["id"]
    # All lines of the product count, also one with a price of its own.
    given["lineItems"].append(shop.line(product, quantity="4", unitPrice="99"))
    assert costs(await shop.do("orderCreate", given)) == ["7.00", "10.00", "99.00"]
    assert costs(await shop.do("orderCreate", given | {"priceList": None})) == ["10.00", "10.00", "99.00"]


async def test_a_promotion_is_one_more_entry(desk: Desk) -> None:
    """Days are those of the tenant: 23:30 UTC is the next one in Berlin. (odoo #38560, erpnext #29806)"""
    shop = await desk.open()
    product = await shop.product()
    await price_list(
        shop,
        "DAYS",
        shop.line(product, amount="8"),
        shop.line(product, amount="6", validFrom="2026-06-10", validTo="2026-06-12"),
        shop.line(product, amount="5", validFrom="2026-06-12", validTo="2026-06-12"),
    )
    whom = await customer(shop, "C2", "DAYS")
    for at, amount in (
        ("2026-06-09T21:59:59Z", "8.00"),
        ("2026-06-09T22:00:00Z", "6.00"),
        ("2026-06-11T21:59:59Z", "6.00"),
        ("2026-06-11T22:00:00Z", "5.00"),
        ("2026-06-12T21:59:59Z", "5.00"),
        ("2026-06-12T22:00:00Z", "8.00"),
        (None, "8.00"),
    ):
        cart = [shop.line(product, quantity="1")]
        order = await shop.do("orderCreate", {"lineItems": cart, "placedAt": at, **whom})
        assert costs(order) == [amount]
        found = await previewed(shop, *cart, placedAt=at, **whom)
        assert found["lines"][0]["unitPrice"]["amount"] == amount


async def test_a_list_of_another_currency_or_out_of_use_is_not_the_customers(shop: Clerk) -> None:
    product = await shop.product()
    cart = {"lineItems": [shop.line(product, quantity="1")]}
    await price_list(shop, "USD", shop.line(product, amount="12"), currency="USD")
    whom = await customer(shop, "C-USD", "USD")
    assert costs(await shop.do("orderCreate", cart | whom)) == ["10.00"]
    assert costs(await shop.do("orderCreate", cart | whom | {"currency": "USD"})) == ["12.00"]
    await shop.do("priceListUpsert", {"code": "USD", "active": False})
    assert await shop.refused("orderCreate", cart | whom | {"currency": "USD"}) == [
        ("INVALID_INPUT", "lineItems.0.unitPrice")
    ]
    # One that is named must be usable.
    named = cart | {"customer": {"code": "C1"}, "priceList": {"code": "USD"}}
    assert await shop.refused("orderCreate", named | {"currency": "USD"}) == [
        ("INVALID_INPUT", "priceList"),
        ("INVALID_INPUT", "lineItems.0.unitPrice"),
    ]
    await shop.do("priceListUpsert", {"code": "USD", "active": True})
    assert await shop.refused("orderCreate", named) == [("INVALID_INPUT", "priceList")]
    assert costs(await shop.do("orderCreate", named | {"currency": "USD"})) == ["12.00"]
    nobodys = cart | {"customer": {"code": "C1"}, "priceList": {"id": encode("prl", new_id())}}
    assert await shop.refused("orderCreate", nobodys) == [("NOT_FOUND", "priceList")]


async def test_new_lines_of_a_draft_and_of_a_confirmed_order_are_priced_by_its_list(shop: Clerk) -> None:
    product, other = await shop.product({"SHELF": "99"}), await shop.product({"SHELF": "99"})
    await price_list(
        shop,
        "LATER",
        *[shop.line(each, amount="8") for each in (product, other)],
        shop.line(other, amount="4", minimum="5"),
    )
    await price_list(shop, "OTHERS", shop.line(product, amount="3"))
    whom, theirs = await customer(shop, "C-LATER", "LATER"), await customer(shop, "C-OTHERS", "OTHERS")
    order = await shop.do("orderCreate", whom | {"lineItems": [shop.line(product, quantity="1")]})
    await shop.do("partnerUpsert", {"code": "C-LATER", "priceList": None})
    given = {"order": {"id": order["id"]}}
    cart = {"lineItems": [shop.line(product, quantity="2"), shop.line(other, quantity="2")]}
    assert costs(await shop.do("orderUpdate", given | cart)) == ["8.00", "8.00"]
    await shop.do("orderConfirm", given)
    more = [shop.line(other, quantity="3"), shop.line(other, quantity="1", unitPrice="1")]
    changed = await shop.do("orderUpdate", given | {"changes": more})
    assert costs(changed) == ["8.00", "8.00", "4.00", "1.00"]
    # A new customer brings its own.
    draft = await shop.do("orderCreate", {"customer": {"code": "C1"}, "lineItems": [shop.line(product, quantity="1")]})
    moved = await shop.do("orderUpdate", {"order": {"id": draft["id"]}, "lineItems": cart["lineItems"][:1], **theirs})
    assert costs(moved) == ["3.00"]
    [*_, event] = await shop.events(draft)
    query = '{ priceList(by: {code: "OTHERS"}) { id } }'
    assert event["after"]["priceList"] == (await shop.ask(query)).data["priceList"]["id"]
    assert event["before"]["priceList"] is None


def best(entries: list[dict[str, Any]], quantity: Decimal, day: date) -> Decimal | None:
    """The rule by itself: of the entries that hold, the largest quantity, then the latest first day."""
    holding = [
        each
        for each in entries
        if each["minimum"] <= quantity
        and (each["first"] is None or each["first"] <= day)
        and (each["last"] is None or day <= each["last"])
    ]
    found = max(holding, key=lambda each: (each["minimum"], each["first"] or date.min), default=None)
    return None if found is None else Decimal(found["amount"])


async def test_random_lists_are_read_as_the_rule_says(desk: Desk) -> None:
    """Drawn lists and carts: what lines cost is what the rule says of the sums of their products."""
    shop, dice, start = await desk.open(), random.Random(4), date(2026, 6, 1)
    products = [await shop.product() for _ in range(3)]
    whom = await customer(shop, "C2", None)
    for number in range(12):
        entries: dict[str, list[dict[str, Any]]] = {each["sku"]: [] for each in products}
        prices = {}
        for _ in range(dice.randint(1, 14)):
            product, first = dice.choice(products), dice.choice([None, start + timedelta(days=dice.randint(0, 4))])
            last = dice.choice([None, (first or start) + timedelta(days=dice.randint(0, 3))])
            minimum = Decimal(dice.choice(["0.5", "1", "2.5", "4"]))
            amount = Decimal(dice.randint(1, 900)) / 100
            prices[product["sku"], minimum, first] = {
                "minimum": minimum,
                "first": first,
                "last": last,
                "amount": amount,
            }
        for (sku, _, _), entry in prices.items():
            entries[sku].append(entry)
        given = [
            {"product": {"sku": sku}, "minimum": str(each["minimum"]), "amount": str(each["amount"])}
            | {"validFrom": each["first"] and str(each["first"]), "validTo": each["last"] and str(each["last"])}
            for sku, of in entries.items()
            for each in of
        ]
        await price_list(shop, f"R{number}", *given)
        await customer(shop, "C2", f"R{number}")
        for _ in range(6):
            day = start + timedelta(days=dice.randint(-1, 8))
            cart = [
                (dice.choice(products), Decimal(dice.choice(["0.4", "1", "1.5", "3"])))
                for _ in range(dice.randint(1, 4))
            ]
            placed = [shop.line(product, quantity=str(quantity)) for product, quantity in cart]
            order = await shop.do("orderCreate", {"lineItems": placed, "placedAt": f"{day}T12:00:00Z", **whom})
            sums = {sku: sum((q for p, q in cart if p["sku"] == sku), Decimal()) for sku in entries}
            wanted = [best(entries[product["sku"]], sums[product["sku"]], day) for product, _ in cart]
            assert list(map(Decimal, costs(order))) == [Decimal(10) if each is None else each for each in wanted]


async def test_commands_take_as_many_statements_for_500_lines(shop: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And an order by a list takes one more than one without."""
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    await shop.admin.execute(
        "INSERT INTO products (tenant_id, id, sku, name, list_price, list_price_currency)"
        " SELECT $1, gen_random_uuid(), 'M' || n, 'M', 3, 'EUR' FROM generate_series(1, 500) n",
        shop.tenant,
    )
    await price_list(shop, "MANY")
    whom = await customer(shop, "C-MANY", "MANY")
    found = []
    for size in (1, 500):
        named = [{"product": {"sku": f"M{n}"}} for n in range(1, size + 1)]
        costs = []
        for field, given in (
            ("pricesSet", {"priceList": {"code": "MANY"}, "lines": [each | {"amount": str(size)} for each in named]}),
            (
                "orderCreate",
                whom | {"number": f"MANY {size}", "lineItems": [each | {"quantity": "1"} for each in named]},
            ),
            (
                "orderCreate",
                {
                    "customer": {"code": "C1"},
                    "number": f"LIST {size}",
                    "lineItems": [each | {"quantity": "1"} for each in named],
                },
            ),
            ("pricesSet", {"priceList": {"code": "MANY"}, "lines": [each | {"amount": None} for each in named]}),
        ):
            ran.clear()
            await shop.do(field, given)
            costs.append(len([sql for sql in ran if "budgets" not in sql]))
        found.append(costs)
    assert found[0] == found[1]
    assert found[0][1] == found[0][2] + 1
    assert found[0] == [6, 3, 2, 6]


# ---------------------------------------------------------------- previews, partners, other tenants


async def test_a_preview_names_the_list_that_a_price_is_of(shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    await price_list(shop, "VIEW", shop.line(product, amount="8"))
    await customer(shop, "C-VIEW", "VIEW")
    query = """query ($input: OrderPreviewInput!) { orderPreview(input: $input) { total { amount }
        lines { unitPrice { amount } priceList { code } } problems { code path } } }"""
    cart = [
        shop.line(product, quantity="1"),
        shop.line(other, quantity="1"),
        shop.line(product, quantity="1", unitPrice="8"),
    ]
    view = {"code": "VIEW"}
    for given, listed in (
        ({"customer": {"code": "C-VIEW"}}, [("8.00", view), ("10.00", None), ("8.00", None)]),
        ({"priceList": view}, [("8.00", view), ("10.00", None), ("8.00", None)]),
        ({"customer": {"code": "C-VIEW"}, "priceList": None}, [("10.00", None), ("10.00", None), ("8.00", None)]),
    ):
        found = (await shop.ask(query, {"input": {"lineItems": cart, **given}})).data["orderPreview"]
        assert [(line["unitPrice"]["amount"], line["priceList"]) for line in found["lines"]] == listed
    wrong = await previewed(shop, *cart, priceList={"code": "nope"})
    assert paths(wrong)[0] == ("NOT_FOUND", "input.priceList")


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_a_partner_sees_its_own_prices_and_nobody_elses(desk: Desk, *, breadth_first: bool) -> None:
    shop = await desk.open()
    ask, product = Asker(shop.database), await shop.product()
    await price_list(shop, "MINE", shop.line(product, amount="8"))
    await price_list(shop, "THEIRS", shop.line(product, amount="5"))
    await customer(shop, "ME", "MINE")
    await customer(shop, "THEY", "THEIRS")
    partners = (await shop.ask("{ partners { nodes { id code } } }")).data["partners"]["nodes"]
    me = identity(next(each for each in partners if each["code"] == "ME"))
    may: Any = {"permissions": ROLES["partner"], "partner": me, "breadth_first": breadth_first}
    query = """query ($input: OrderPreviewInput!) { orderPreview(input: $input) { total { amount } problems { code path } } }"""
    cart: dict[str, Any] = {"lineItems": [shop.line(product, quantity="1")]}
    for given, total, problems in (
        ({}, "8.00", []),
        ({"customer": {"code": "ME"}}, "8.00", []),
        ({"priceList": None}, "10.00", []),
        ({"customer": {"code": "THEY"}}, "10.00", [{"code": "NOT_FOUND", "path": ["input", "customer"]}]),
    ):
        found = (await ask(query, shop.tenant, {"input": cart | given}, **may)).good["orderPreview"]
        assert found == {"total": {"amount": total}, "problems": problems}
    for denied in (
        "{ priceLists { nodes { id } } }",
        '{ priceList(by: {code: "MINE"}) { id } }',
        "{ partners { nodes { priceList { id } } } }",
    ):
        assert (await ask(denied, shop.tenant, **may)).errors[0].message.endswith("it needs pricing:read.")
    named = await ask(query, shop.tenant, {"input": cart | {"priceList": {"code": "THEIRS"}}}, **may)
    assert named.errors[0].message.endswith("it needs pricing:read.")
    # By the policies alone: nothing before its row has told which list is its own, and only that then.
    may["permissions"] = EVERYTHING
    assert (await ask("{ priceLists { nodes { code } } }", shop.tenant, **may)).good == {"priceLists": {"nodes": []}}


async def test_another_tenant_sees_and_touches_none_of_it(shop: Clerk, rival: Clerk) -> None:
    product = await shop.product()
    made = await price_list(shop, "FOREIGN", shop.line(product, amount="1"))
    theirs = await rival.product()
    ref = {"priceList": {"id": made["id"]}}
    for field, given in (
        ("pricesSet", ref | {"lines": [rival.line(theirs, amount="2")]}),
        ("partnerUpsert", ref | {"code": "C1"}),
        ("orderCreate", ref | rival.ordering([rival.line(theirs, quantity="1")])),
    ):
        assert await rival.refused(field, given) == [("NOT_FOUND", "priceList")]
    query = (
        "query ($id: ID!) { priceList(by: {id: $id}) { id } node(id: $id) { id } priceLists { totalCount { value } } }"
    )
    found = (await rival.ask(query, {"id": made["id"]})).data
    assert found == {"priceList": None, "node": None, "priceLists": {"totalCount": {"value": 0}}}


async def test_lists_of_partners_and_orders_take_a_statement_for_a_page(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product()
    for number in range(6):
        await price_list(shop, f"L{number}", shop.line(product, amount="8"))
        whom = await customer(shop, f"P{number}", f"L{number}")
        await shop.do("orderCreate", whom | {"lineItems": [shop.line(product, quantity="1")]})
    for size in (2, 6):
        for field in ("partners", "orders"):
            query = f"{{ {field}(first: {size}, orderBy: [{{field: CREATED_AT, direction: DESC}}]) {{ nodes {{ priceList {{ code }} }} }} }}"
            nodes = (await shop.ask(query)).data[field]["nodes"]
            assert [each["priceList"]["code"] for each in nodes] == [f"L{5 - place}" for place in range(size)]
            assert shop.read == 2


async def test_a_partners_problems_come_all_at_once(shop: Clerk) -> None:
    given = {"code": "NEW-ONE", "priceList": {"code": "nope"}}
    assert await shop.refused("partnerUpsert", given) == [("NOT_FOUND", "priceList"), ("INVALID_INPUT", "name")]
