"""Stock kept for baskets: held, given more time, let go, made an order; and over at its moment, whether swept or not."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from db.runtime.engine import Target
from services.imports.things_run import import_things
from services.inventory import holding
from services.platform import sweeping
from tests.support.clerk import HOLD, Clerk, identity, lines, progress
from tests.support.desk import Desk, opened

STANDS = f"query ($reference: String!) {{ stockHold(reference: $reference) {HOLD[5:]} }}"
SEEN = """query ($id: ID!) { product(by: {id: $id}) { stock { onHand reserved available
    levels { nodes { location { code } reserved available } aggregate { reserved { sum } available { sum } } } } }
    stockLevels(where: {product: {eq: $id}, available: {gt: "0"}}) { nodes { available } } }"""


async def held(shop: Clerk, reference: str, *wanted: tuple[Any, str], **given: Any) -> Any:
    named = [shop.line(product, quantity=quantity) for product, quantity in wanted]
    return await shop.do("stockHold", {"reference": reference, "lines": named, **given})


async def standing(shop: Clerk, reference: str) -> Any:
    answer = await shop.ask(STANDS, {"reference": reference})
    assert not answer.errors
    return answer.data["stockHold"]


def spots(hold: Any) -> list[tuple[str, str]]:
    return sorted((line["location"]["code"], line["quantity"]) for line in hold["lines"])


async def over(shop: Clerk, *holds: Any) -> None:
    """Let the time of these be over, as if they had been made so long ago."""
    ids = [identity(hold) for hold in holds]
    past = "statement_timestamp() - interval '1 second'"
    for statement in (
        f"UPDATE stock_holds SET expires_at = {past} WHERE id = ANY($1)",
        "UPDATE stock_hold_lines l SET expires_at = h.expires_at FROM stock_holds h WHERE h.id = l.hold_id AND h.id = ANY($1)",
        """UPDATE stock_levels s SET held_until = l.expires_at FROM stock_hold_lines l
           WHERE (s.product_id, s.location_id) = (l.product_id, l.location_id) AND l.hold_id = ANY($1)""",
    ):
        await shop.admin.execute(statement, ids)


async def seen(shop: Clerk, product: Any) -> tuple[str, str, str]:
    """What is on hand, reserved and available of a product, which all ways of reading agree on."""
    data = (await shop.ask(SEEN, {"id": product["id"]})).data
    stock = data["product"]["stock"]
    levels = stock["levels"]["nodes"]
    for name in ("reserved", "available"):
        [total] = stock["levels"]["aggregate"][name]
        assert total["sum"] == stock[name]
        assert sum(float(level[name]) for level in levels) == float(stock[name])
    assert sum(float(each["available"]) for each in data["stockLevels"]["nodes"]) == float(stock["available"])
    more = "query ($sku: String!, $least: Decimal!) { products(where: {sku: {eq: $sku}, available: {gte: $least}}) { nodes { id } } }"
    found = await shop.ask(more, {"sku": product["sku"], "least": stock["available"]})
    assert len(found.data["products"]["nodes"]) == 1
    return stock["onHand"], stock["reserved"], stock["available"]


async def test_goods_are_kept_from_others_until_they_are_let_go(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3", "DOCK": "2"})
    hold = await held(shop, "basket 1", (product, "4"))
    assert (hold["status"], hold["version"], spots(hold)) == ("HELD", 1, [("DOCK", "1"), ("SHELF", "3")])
    assert await seen(shop, product) == ("5", "4", "1")
    assert await standing(shop, "basket 1") == hold
    short = await shop.refused("orderCreate", shop.ordering([shop.line(product, quantity="2")], confirm=True))
    assert short == [("INSUFFICIENT_STOCK", "lineItems.0.quantity")]
    assert await shop.refused(
        "stockSet", {"lines": [shop.line(product, location=shop.places["SHELF"], onHand="2")], "reason": "count"}
    ) == [("INSUFFICIENT_STOCK", "lines.0.onHand")]
    released = await held(shop, "basket 1")
    assert (released["id"], released["status"], released["version"]) == (hold["id"], "RELEASED", 2)
    assert released["lines"] == []
    assert await standing(shop, "basket 1") is None
    assert await seen(shop, product) == ("5", "0", "5")
    assert [event["type"] for event in await shop.events(hold)] == ["hold.created", "hold.released"]


async def test_more_time_and_other_content_come_from_the_same_command(shop: Clerk) -> None:
    one, two = await shop.product({"SHELF": "5"}), await shop.product({"DOCK": "5"})
    hold = await held(shop, "basket 2", (one, "2"), seconds=60)
    more = await held(shop, "basket 2", (one, "2"), seconds=3_600)
    assert (more["id"], more["version"], spots(more)) == (hold["id"], 2, [("SHELF", "2")])
    first, second = (datetime.fromisoformat(each["expiresAt"]) for each in (hold, more))
    assert 3_500 < (second - first).total_seconds() < 3_700
    changed = await held(shop, "basket 2", (one, "5"), (two, "1"))
    assert (changed["id"], spots(changed)) == (hold["id"], [("DOCK", "1"), ("SHELF", "5")])
    assert await shop.refused(
        "stockHold", {"reference": "basket 2", "lines": [shop.line(one, quantity="6"), shop.line(two, quantity="1")]}
    ) == [("INSUFFICIENT_STOCK", "lines.0.quantity")]
    assert await standing(shop, "basket 2") == changed
    less = await held(shop, "basket 2", (two, "1"))
    assert spots(less) == [("DOCK", "1")]
    assert await seen(shop, one) == ("5", "0", "5")
    await held(shop, "basket 2")


async def test_only_stock_of_one_warehouse(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3", "DOCK": "2"})
    south = {"warehouse": shop.warehouses["SOUTH"]}
    hold = await held(shop, "basket 3", (product, "2"), **south)
    assert spots(hold) == [("DOCK", "2")]
    line = [shop.line(product, quantity="3")]
    assert await shop.refused("stockHold", {"reference": "basket 4", "lines": line, **south}) == [
        ("INSUFFICIENT_STOCK", "lines.0.quantity")
    ]
    await held(shop, "basket 3")


async def test_it_becomes_an_order_which_gets_what_was_held_first(shop: Clerk) -> None:
    product, other = await shop.product({"SHELF": "5", "DOCK": "4"}), await shop.product({"SHELF": "2"})
    hold = await held(shop, "basket 5", (product, "4"), (other, "2"), warehouse=shop.warehouses["NORTH"])
    waiting = await shop.order((other, "1"), confirm=True, allowBackorder=True)
    await shop.order((product, "1"), confirm=True)
    order = await shop.order((product, "7"), confirm=True, hold=hold["id"])
    assert progress(order) == [("7", "7", "0", "0", "0")]
    # Its own four of the shelf, and the rest from where there was any; what it didn't want went to the one that waited.
    assert await shop.stock(product) == {"SHELF": ("5", "4"), "DOCK": ("4", "4")}
    assert progress(await shop.again(waiting)) == [("1", "1", "0", "0", "0")]
    query = (
        "query ($id: ID!) { node(id: $id) { ... on StockHold { status version order { number } lines { quantity } } } }"
    )
    node = (await shop.ask(query, {"id": hold["id"]})).data["node"]
    assert node == {"status": "ORDERED", "version": 2, "order": {"number": order["number"]}, "lines": []}
    assert await standing(shop, "basket 5") is None
    assert (await shop.events(order))[0]["after"]["hold"] == hold["id"]
    again = await shop.refused(
        "orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True, hold=hold["id"])
    )
    assert again == [("INVALID_INPUT", "hold")]


async def test_an_order_may_need_less_than_was_held(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    hold = await held(shop, "basket 6", (product, "5"))
    order = await shop.order((product, "2"), confirm=True, hold=hold["id"])
    assert progress(order) == [("2", "2", "0", "0", "0")]
    assert await seen(shop, product) == ("5", "2", "3")


async def test_a_hold_that_cant_be_an_order(shop: Clerk, rival: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    hold = await held(shop, "basket 7", (product, "2"))
    line = [shop.line(product, quantity="1")]
    assert await shop.refused("orderCreate", shop.ordering(line, hold=hold["id"])) == [("INVALID_INPUT", "hold")]
    theirs = await rival.product({"SHELF": "1"})
    foreign = rival.ordering([rival.line(theirs, quantity="1")], confirm=True, hold=hold["id"])
    assert await rival.refused("orderCreate", foreign) == [("NOT_FOUND", "hold")]
    short = shop.ordering([shop.line(product, quantity="6")], confirm=True, hold=hold["id"])
    [problem] = await shop.refusals("orderCreate", short)
    assert (problem.code, problem.facts["available"]) == ("INSUFFICIENT_STOCK", "5")
    assert (await standing(shop, "basket 7"))["status"] == "HELD"
    await held(shop, "basket 7")


@pytest.mark.parametrize(
    "given, path",
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": 86_401}, "seconds"),
        ({"reference": ""}, "reference"),
        ({"reference": "x" * 256}, "reference"),
        ({"lines": [{"product": {"sku": "NONE"}, "quantity": "1"}]}, "lines.0.product"),
        ({"lines": [{"product": {"sku": "NONE"}, "quantity": "0"}]}, "lines.0.quantity"),
        ({"warehouse": f"wh_{'0' * 32}"}, "warehouse"),
    ],
)
async def test_what_cant_be_held(shop: Clerk, given: dict[str, Any], path: str) -> None:
    product = await shop.product({"SHELF": "1"})
    usual = {"reference": "bad", "lines": [shop.line(product, quantity="1")]}
    found = await shop.refused("stockHold", usual | given)
    assert path in [place for _, place in found]
    assert await standing(shop, "bad") is None


async def test_too_many_lines_and_too_many_holds(shop: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    product = await shop.product({"SHELF": "10"})
    line = shop.line(product, quantity="0.001")
    assert await shop.refused("stockHold", {"reference": "long", "lines": [line] * 501}) == [("INVALID_INPUT", "lines")]
    stand = await shop.admin.fetchval(
        "SELECT count(*) FROM stock_holds WHERE tenant_id = $1 AND status = 'HELD'", shop.tenant
    )
    monkeypatch.setattr("services.sales.holds.MOST", stand + 1)
    await held(shop, "the last", (product, "1"))
    assert await shop.refused("stockHold", {"reference": "one more", "lines": [line]}) == [
        ("INVALID_INPUT", "reference")
    ]
    await held(shop, "the last", (product, "2"))
    await held(shop, "the last")


async def test_letting_go_of_what_isnt_held_does_nothing(shop: Clerk) -> None:
    before = await shop.digest()
    payload = await shop.payload("stockHold", {"reference": "nobody's", "lines": []})
    assert payload == {"hold": None, "userErrors": []}
    assert await shop.digest() == before


async def test_a_retry_gets_the_first_answer(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    given = {"reference": "basket 8", "lines": [shop.line(product, quantity="2")], "idempotencyKey": "hold 8"}
    first, second = await shop.do("stockHold", given), await shop.do("stockHold", given)
    assert first == second
    assert await seen(shop, product) == ("5", "2", "3")
    await held(shop, "basket 8")


# ---------------------------------------------------------------- when its time is over


async def test_what_ended_is_free_at_once_though_nobody_swept(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3", "DOCK": "2"})
    hold, other = await held(shop, "basket", (product, "3")), await held(shop, "other", (product, "1"))
    await over(shop, hold)
    assert await seen(shop, product) == ("5", "1", "4")
    assert await standing(shop, "basket") is None
    query = "query ($id: ID!) { node(id: $id) { ... on StockHold { status lines { quantity } } } }"
    assert (await shop.ask(query, {"id": hold["id"]})).data["node"] == {"status": "EXPIRED", "lines": []}
    assert await shop.differences() == []
    order = await shop.order((product, "4"), confirm=True)
    assert progress(order) == [("4", "4", "0", "0", "0")]
    assert [event["type"] for event in await shop.events(hold)] == ["hold.created", "hold.expired"]
    assert (await standing(shop, "other"))["id"] == other["id"]


COMMANDS = {
    "hold": ("stockHold", {"reference": "new"}, "lines"),
    "adjust": ("stockAdjust", {"reason": "broke"}, "lines"),
    "set": ("stockSet", {"reason": "count"}, "lines"),
    "transfer": ("stockTransfer", {}, "lines"),
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_every_command_about_stock_finds_it_free(desk: Desk, name: str) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3"})
    await over(shop, await held(shop, "basket", (product, "3")))
    field, given, of = COMMANDS[name]
    shelf = {"location": shop.places["SHELF"]}
    amounts = {"hold": {"quantity": "3"}, "adjust": {"delta": "-3", **shelf}, "set": {"onHand": "0", **shelf}}
    ends = {"source": shop.places["SHELF"], "destination": shop.places["DOCK"]} if name == "transfer" else {}
    line = shop.line(product, **amounts.get(name, {"quantity": "3"}))
    await shop.do(field, {**given, **ends, of: [line]})
    assert await shop.differences() == []


async def test_a_confirmation_and_a_shipment_from_a_chosen_place_find_it_free(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3", "DOCK": "2"})
    draft = await shop.order((product, "2"))
    await over(shop, await held(shop, "one", (product, "3"), warehouse=shop.warehouses["NORTH"]))
    order = await shop.do("orderConfirm", {"order": {"id": draft["id"]}})
    assert progress(order) == [("2", "2", "0", "0", "0")]
    [place] = [code for code, (_, reserved) in (await shop.stock(product)).items() if reserved == "2"]
    [elsewhere] = {"SHELF", "DOCK"} - {place}
    there = {"SHELF": "NORTH", "DOCK": "SOUTH"}[elsewhere]
    await over(shop, await held(shop, "two", (product, "2"), warehouse=shop.warehouses[there]))
    given = {"lineItem": lines(order)[0]["id"], "quantity": "2", "location": shop.places[elsewhere]}
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": [given]})
    assert await shop.differences() == []


async def test_who_waits_comes_before_who_comes_later(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3"})
    hold = await held(shop, "basket", (product, "3"))
    waiting = await shop.order((product, "2"), confirm=True, allowBackorder=True)
    await over(shop, hold)
    late = await shop.order((product, "3"), confirm=True, allowBackorder=True)
    assert progress(await shop.again(waiting)) == [("2", "2", "0", "0", "0")]
    assert progress(late) == [("3", "1", "0", "0", "0")]


async def test_an_order_that_is_changed_is_read_anew_when_goods_came_to_it(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3"})
    hold = await held(shop, "basket", (product, "3"))
    order = await shop.order((product, "2"), confirm=True, allowBackorder=True)
    await over(shop, hold)
    more = {"lineItem": lines(order)[0]["id"], "quantity": "3"}
    changed = await shop.do("orderUpdate", {"order": {"id": order["id"]}, "changes": [more]})
    assert progress(changed) == [("3", "3", "0", "0", "0")]
    assert await shop.differences() == []


async def test_holds_that_ended_are_not_counted_though_nobody_swept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await desk.open()
    product, other = await shop.product({"SHELF": "3"}), await shop.product({"SHELF": "3"})
    monkeypatch.setattr("services.sales.holds.MOST", 1)
    ended = await held(shop, "abandoned", (product, "1"))
    await over(shop, ended)
    await held(shop, "another", (other, "1"))
    assert await shop.refused("stockHold", {"reference": "third", "lines": [shop.line(other, quantity="1")]}) == [
        ("INVALID_INPUT", "reference")
    ]


async def test_a_reference_is_used_anew_after_its_hold_ended(desk: Desk) -> None:
    shop = await desk.open()
    one, two = await shop.product({"SHELF": "3"}), await shop.product({"SHELF": "3"})
    old = await held(shop, "basket", (one, "3"))
    await over(shop, old)
    assert await shop.payload("stockHold", {"reference": "basket", "lines": []}) == {"hold": None, "userErrors": []}
    new = await held(shop, "basket", (two, "1"))
    assert (new["id"] != old["id"], new["version"]) == (True, 1)
    assert await seen(shop, one) == ("3", "0", "3")
    rows = await shop.admin.fetch("SELECT status FROM stock_holds WHERE tenant_id = $1 ORDER BY id", shop.tenant)
    assert [row["status"] for row in rows] == ["EXPIRED", "HELD"]


async def test_a_hold_that_ended_is_no_orders(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "3"})
    hold = await held(shop, "basket", (product, "3"))
    await over(shop, hold)
    given = shop.ordering([shop.line(product, quantity="1")], confirm=True, hold=hold["id"])
    # Its goods were let go meanwhile, as they were whatever came of this: so the books aren't as before.
    [problem] = (await shop.payload("orderCreate", given))["userErrors"]
    assert (problem["code"], problem["path"], problem["message"]) == (
        "INVALID_INPUT",
        ["input", "hold"],
        "The hold basket has expired. Order without it, or hold again.",
    )
    assert await shop.admin.fetchval("SELECT count(*) FROM orders WHERE tenant_id = $1", shop.tenant) == 0
    assert await seen(shop, product) == ("3", "0", "3")


async def test_a_sweep_lets_go_and_serves_those_that_wait(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a database of its own: a sweep visits every company."""
    async with opened(fresh) as desk:
        await swept(desk, monkeypatch)


async def swept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "6"})
    holds = [await held(shop, f"basket {number}", (product, "2")) for number in range(3)]
    waiting = await shop.order((product, "5"), confirm=True, allowBackorder=True)
    await over(shop, *holds[:2])
    monkeypatch.setattr(holding, "AT_ONCE", 1)
    assert (await sweeping.sweep(desk.target, 30))["holds"] == 2
    assert progress(await shop.again(waiting)) == [("5", "4", "0", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("6", "6")}
    assert (await standing(shop, "basket 2"))["id"] == holds[2]["id"]
    assert (await sweeping.sweep(desk.target, 30))["holds"] == 0
    await shop.admin.execute(
        "UPDATE stock_holds SET updated_at = now() - interval '3 days' WHERE tenant_id = $1", shop.tenant
    )
    await sweeping.sweep(desk.target, 30)
    rows = await shop.admin.fetch("SELECT reference FROM stock_holds WHERE tenant_id = $1", shop.tenant)
    assert [row["reference"] for row in rows] == ["basket 2"]


async def test_reserved_goods_that_are_taken_away_are_taken_from_baskets_first(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "6"})
    first = await held(shop, "first", (product, "2"))
    await held(shop, "second", (product, "1"))
    order = await shop.order((product, "3"), confirm=True)
    gone = {"lines": [shop.line(product, location=shop.places["SHELF"], delta="-4")], "reason": "broke"}
    [refused] = await shop.refusals("stockAdjust", gone)
    assert "are reserved for" in refused.message
    assert "the hold first" in refused.message
    await shop.do("stockAdjust", gone | {"takeReserved": True})
    assert progress(await shop.again(order)) == [("3", "2", "0", "0", "0")]
    assert (await standing(shop, "first"))["lines"] == []
    assert [event["type"] for event in await shop.events(first)] == ["hold.created", "hold.reduced"]
    assert await shop.stock(product) == {"SHELF": ("2", "2")}
    assert await shop.differences() == []


async def test_a_count_from_a_file_finds_it_free(desk: Desk, tmp_path: Path) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "6"})
    await over(shop, await held(shop, "basket", (product, "6")))
    name = await shop.admin.fetchval("SELECT name FROM tenants WHERE id = $1", shop.tenant)
    (tmp_path / "counted.csv").write_text(f"sku,pieces\n{product['sku']},1\n")
    (tmp_path / "counted.toml").write_text(
        'location = "SHELF"\nreason = "counted"\n[columns]\nsku = "sku"\nquantity = "pieces"\n'
    )
    files = tmp_path / "counted.csv", tmp_path / "counted.toml"
    assert (await import_things(desk.target, name, "stock", *files)).imported == 1
    assert await shop.stock(product) == {"SHELF": ("1", "0")}
    assert await shop.differences() == []
