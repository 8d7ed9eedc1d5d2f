"""Lines of a confirmed order added, changed and called off; their stock follows, all of it or nothing."""

from typing import Any

import pytest

from db.runtime.writer import Writer
from tests.support.clerk import Clerk, identity, lines, progress


def changing(order: Any, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"order": {"id": order["id"]}, "changes": list(changes), **more}


async def test_more_less_a_new_one_and_none_at_once(shop: Clerk) -> None:
    one, two, three, four = [await shop.product({"SHELF": "10"}) for _ in range(4)]
    order = await shop.order((one, "2"), (two, "4"), (three, "3"), confirm=True)
    first, second, third = [each["id"] for each in lines(order)]
    given = changing(
        order,
        {"lineItem": first, "quantity": "5"},
        {"lineItem": second, "quantity": "1", "unitPrice": "8"},
        {"lineItem": third, "quantity": "0"},
        {"product": {"sku": four["sku"]}, "quantity": "2", "description": "For Ada"},
        note="Called today",
        expectedVersion=order["version"],
    )
    changed = await shop.do("orderUpdate", given)
    assert progress(changed) == [
        ("5", "5", "0", "0", "0"),
        ("1", "1", "0", "0", "0"),
        ("3", "0", "0", "3", "0"),
        ("2", "2", "0", "0", "0"),
    ]
    assert (changed["subtotal"]["amount"], changed["status"], changed["note"]) == (
        "108.00",
        "CONFIRMED",
        "Called today",
    )
    assert [each["position"] for each in lines(changed)] == [1, 2, 3, 4]
    assert lines(changed)[3]["description"] == "For Ada"
    assert changed["version"] == order["version"] + 1
    for product, there in ((one, ("10", "5")), (two, ("10", "1")), (three, ("10", "0")), (four, ("10", "2"))):
        assert await shop.stock(product) == {"SHELF": there}
    event = (await shop.events(order))[-1]
    assert (event["type"], event["version"]) == ("order.updated", changed["version"])
    assert len(event["after"]["lineItems"]) == 4
    assert await shop.refused("orderUpdate", given) == [("VERSION_CONFLICT", "expectedVersion")]
    assert (await shop.do("orderShip", {"order": {"id": order["id"]}}))["status"] == "CLOSED"
    assert await shop.differences() == []


async def test_all_or_nothing(shop: Clerk) -> None:
    product, scarce = await shop.product({"SHELF": "10"}), await shop.product({"SHELF": "1"})
    order = await shop.order((product, "2"), confirm=True)
    given = changing(
        order,
        {"lineItem": lines(order)[0]["id"], "quantity": "1"},
        {"product": {"sku": scarce["sku"]}, "quantity": "2"},
    )
    [refusal] = await shop.refusals("orderUpdate", given)
    assert refusal[:2] == ("INSUFFICIENT_STOCK", "changes.1.quantity")


async def test_with_backorder_more_waits_and_less_gives_to_those_who_wait(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    held = await shop.order((product, "3"), confirm=True, allowBackorder=True)
    waits = await shop.order((product, "1"), confirm=True, allowBackorder=True)
    more = await shop.do("orderUpdate", changing(held, {"lineItem": lines(held)[0]["id"], "quantity": "5"}))
    assert progress(more) == [("5", "3", "0", "0", "0")]
    # What waited goes first; then what was reserved, which the other gets.
    less = await shop.do("orderUpdate", changing(held, {"lineItem": lines(held)[0]["id"], "quantity": "2"}))
    assert progress(less) == [("2", "2", "0", "0", "0")]
    assert progress(await shop.again(waits)) == [("1", "1", "0", "0", "0")]


async def test_what_was_shipped_stands(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "4"), confirm=True)
    line = lines(order)[0]["id"]
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": [{"lineItem": line, "quantity": "2"}]})
    for change, path in (({"quantity": "1"}, "quantity"), ({"quantity": "4", "unitPrice": "1"}, "unitPrice")):
        found = await shop.refused("orderUpdate", changing(order, {"lineItem": line, **change}))
        assert found == [("INVALID_INPUT", f"changes.0.{path}")]
    closed = await shop.do("orderUpdate", changing(order, {"lineItem": line, "quantity": "2"}))
    assert (closed["status"], closed["subtotal"]["amount"]) == ("CLOSED", "20.00")
    assert await shop.stock(product) == {"SHELF": ("8", "0")}


async def test_an_order_of_which_all_is_called_off_is_cancelled(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "4"), confirm=True)
    gone = await shop.do("orderUpdate", changing(order, {"lineItem": lines(order)[0]["id"], "quantity": "0"}))
    assert (gone["status"], progress(gone)) == ("CANCELLED", [("4", "0", "0", "4", "0")])
    assert gone["subtotal"] == order["subtotal"]


async def test_what_is_called_off_keeps_its_price(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "3"), confirm=True)
    given = {"lineItem": lines(order)[0]["id"], "quantity": "0"}
    refused = await shop.refused("orderUpdate", changing(order, {**given, "unitPrice": "5"}))
    assert refused == [("INVALID_INPUT", "changes.0.unitPrice")]
    [line] = lines(await shop.do("orderUpdate", changing(order, {**given, "unitPrice": "10"})))
    assert (line["unitPrice"]["amount"], line["total"]["amount"]) == ("10.00", "30.00")


async def test_a_discount_stands_as_long_as_its_lines_price(shop: Clerk) -> None:
    """Imported lines have discounts, which are in their totals only: an edit of the text took them away."""
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "3"), confirm=True)
    line = lines(order)[0]["id"]
    await shop.admin.execute("UPDATE line_items SET total = 20 WHERE id = $1", identity(lines(order)[0]))
    for change, total in (
        ({"quantity": "3", "description": "For Ada"}, "20.00"),
        ({"quantity": "4", "unitPrice": "10"}, "26.67"),
        ({"quantity": "2"}, "13.34"),
        ({"quantity": "2", "unitPrice": "9"}, "18.00"),
        ({"quantity": "3"}, "27.00"),
    ):
        changed = await shop.do("orderUpdate", changing(order, {"lineItem": line, **change}))
        assert (lines(changed)[0]["total"]["amount"], changed["total"]["amount"]) == (total, total)


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"quantity": "1"}, ("INVALID_INPUT", "changes.0")),
        ({"lineItem": "LINE", "product": {"sku": "SKU"}, "quantity": "1"}, ("INVALID_INPUT", "changes.0")),
        ({"lineItem": "lin_00000000000070008000000000000000", "quantity": "1"}, ("NOT_FOUND", "changes.0.lineItem")),
        ({"product": {"sku": "nowhere"}, "quantity": "1"}, ("NOT_FOUND", "changes.0.product")),
        ({"product": {"sku": "SKU"}, "quantity": "0"}, ("INVALID_INPUT", "changes.0.quantity")),
        ({"lineItem": "LINE", "quantity": "-1"}, ("INVALID_INPUT", "changes.0.quantity")),
    ],
)
async def test_what_cant_be_is_refused_where_it_stands(
    shop: Clerk, change: dict[str, Any], problem: tuple[str, str]
) -> None:
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "4"), confirm=True)
    given = {name: lines(order)[0]["id"] if value == "LINE" else value for name, value in change.items()}
    if change.get("product") == {"sku": "SKU"}:
        given["product"] = {"sku": product["sku"]}
    assert await shop.refused("orderUpdate", changing(order, given)) == [problem]


async def test_changes_are_for_confirmed_orders_and_name_a_line_once(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    draft = await shop.order((product, "4"))
    change = {"lineItem": lines(draft)[0]["id"], "quantity": "1"}
    assert await shop.refused("orderUpdate", changing(draft, change)) == [("INVALID_INPUT", "changes")]
    order = await shop.order((product, "4"), confirm=True)
    twice = {"lineItem": lines(order)[0]["id"], "quantity": "1"}
    assert await shop.refused("orderUpdate", changing(order, twice, twice)) == [("INVALID_INPUT", "changes.1.lineItem")]


async def test_the_statements_dont_depend_on_the_number_of_lines(shop: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, rows = list[str](), Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        ran.append(sql)
        return await rows(self, sql, *values)

    products = [await shop.product({"SHELF": "100"}) for _ in range(20)]
    found = {}
    for size in (2, 20):
        order = await shop.order(*((product, "4") for product in products[:size]), confirm=True)
        ways = [{"quantity": "5"}, {"quantity": "2"}]
        changes = [{"lineItem": each["id"], **ways[index % 2]} for index, each in enumerate(lines(order))]
        changes += [{"product": {"sku": product["sku"]}, "quantity": "1"} for product in products[:size]]
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "rows", counted)
            await shop.do("orderUpdate", changing(order, *changes))
        found[size] = len([sql for sql in ran if "budgets" not in sql])
        ran.clear()
    assert found == {2: 16, 20: 16}
