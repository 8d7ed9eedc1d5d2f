"""Lots: booked, promised and traced; and what is expired or blocked, which nobody sells."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.schema.writing.test_shipments import shipped
from tests.support.clerk import Clerk, identity, progress
from tests.support.desk import Desk

SEEN = """query ($id: ID!) { product(by: {id: $id}) { tracking
    stock { onHand reserved available expired levels { nodes { location { code } lot { code } onHand reserved available } } }
    lots { nodes { code expiresOn blocked onHand } } }
    stockLevels(where: {product: {eq: $id}, available: {gt: "0"}}) { nodes { available } } }"""
HELD = """query ($id: ID!) { order(by: {id: $id}) { lineItems { nodes { holds { location { code } lot { code } quantity } } } } }"""


def in_days(days: int) -> str:
    """A day that is so far from today, whatever the time zone."""
    return (datetime.now(UTC).date() + timedelta(days)).isoformat()


async def tracked(shop: Clerk, *received: tuple[str, str, str, str | None], by: str = "LOT", **given: Any) -> Any:
    """A product whose goods came as (lot, location, quantity, last day)."""
    made = await shop.product(tracking=by, **given)
    await receive(shop, made, *received)
    return made


async def receive(shop: Clerk, product: Any, *received: tuple[str, str, str, str | None]) -> None:
    if received:
        found = [booking(shop, product, lot, place, delta) | {"expiresOn": day} for lot, place, delta, day in received]
        await shop.do("stockAdjust", {"lines": found, "reason": "received"})


def booking(shop: Clerk, product: Any, lot: str | None, place: str, delta: str) -> dict[str, Any]:
    line = shop.line(product, location=shop.places[place], delta=delta)
    return line if lot is None else line | {"lot": lot}


async def seen(shop: Clerk, product: Any) -> Any:
    """A product's stock and lots, in which all ways of reading what is available agree."""
    answer = await shop.ask(SEEN, {"id": product["id"]})
    assert not answer.errors
    data = answer.data["product"]
    stock = data["stock"]
    available = float(stock["available"])
    assert sum(float(level["available"]) for level in stock["levels"]["nodes"]) == available
    assert sum(float(level["available"]) for level in answer.data["stockLevels"]["nodes"]) == available
    more = "query ($sku: String!, $is: Decimal!) { products(where: {sku: {eq: $sku}, available: {eq: $is}}) { nodes { id } } }"
    found = await shop.ask(more, {"sku": product["sku"], "is": stock["available"]})
    assert len(found.data["products"]["nodes"]) == 1
    return data


async def levels(shop: Clerk, product: Any) -> dict[tuple[str, str | None], tuple[str, str]]:
    """What is on hand and reserved by location and lot."""
    nodes = (await seen(shop, product))["stock"]["levels"]["nodes"]
    return {
        (node["location"]["code"], (node["lot"] or {}).get("code")): (node["onHand"], node["reserved"])
        for node in nodes
        if node["onHand"] != "0"
    }


async def lot(shop: Clerk, product: Any, code: str) -> Any:
    query = """query ($id: ID!, $code: String!) { lots(where: {product: {eq: $id}, code: {eq: $code}}) {
        nodes { id code expiresOn blocked onHand version } } }"""
    [found] = (await shop.ask(query, {"id": product["id"], "code": code})).data["lots"]["nodes"]
    return found


async def held(shop: Clerk, order: Any) -> list[list[tuple[str, str | None, str]]]:
    """Of each line what is reserved, where and of which lot."""
    nodes = (await shop.ask(HELD, {"id": order["id"]})).data["order"]["lineItems"]["nodes"]
    return [
        sorted(
            ((each["location"]["code"], (each["lot"] or {}).get("code"), each["quantity"]) for each in node["holds"]),
            key=str,
        )
        for node in nodes
    ]


# ---------------------------------------------------------------- booked


async def test_goods_of_a_tracked_product_are_told_apart(shop: Clerk) -> None:
    soon, later = in_days(30), in_days(60)
    product = await tracked(shop, ("A", "SHELF", "5", soon), ("B", "SHELF", "2", later), ("A", "DOCK", "1", None))
    data = await seen(shop, product)
    assert data["tracking"] == "LOT"
    assert data["lots"]["nodes"] == [
        {"code": "A", "expiresOn": soon, "blocked": False, "onHand": "6"},
        {"code": "B", "expiresOn": later, "blocked": False, "onHand": "2"},
    ]
    assert await levels(shop, product) == {
        ("SHELF", "A"): ("5", "0"),
        ("SHELF", "B"): ("2", "0"),
        ("DOCK", "A"): ("1", "0"),
    }
    made = await shop.events(await lot(shop, product, "A"))
    assert [(each["type"], each["version"], each["after"]) for each in made] == [
        ("lot.created", 1, {"product": product["id"], "code": "A", "expiresOn": soon})
    ]


async def test_a_lot_is_demanded_and_only_where_goods_are_tracked(shop: Clerk) -> None:
    product, plain = await tracked(shop, ("A", "SHELF", "5", in_days(9))), await shop.product({"SHELF": "5"})
    for field, key, amount in (("stockAdjust", "delta", "1"), ("stockSet", "onHand", "1")):
        wanted = [
            shop.line(product, location=shop.places["SHELF"], **{key: amount}),
            shop.line(plain, location=shop.places["SHELF"], **{key: amount}, lot="A"),
        ]
        assert await shop.refused(field, {"lines": wanted, "reason": "x"}) == [
            ("INVALID_INPUT", "lines.0.lot"),
            ("INVALID_INPUT", "lines.1.lot"),
        ]
    ends = {"source": shop.places["SHELF"], "destination": shop.places["RACK"]}
    named = [shop.line(product, quantity="1"), shop.line(plain, quantity="1", lot="A")]
    assert await shop.refused("stockTransfer", {"lines": named, **ends}) == [
        ("INVALID_INPUT", "lines.0.lot"),
        ("INVALID_INPUT", "lines.1.lot"),
    ]


async def test_a_lot_that_isnt_there_cant_leave_and_none_is_made_of_a_refused_command(shop: Clerk) -> None:
    product, other = await tracked(shop, ("A", "SHELF", "5", in_days(9))), await tracked(shop, ("Z", "DOCK", "1", None))
    wanted = [
        booking(shop, product, "Z", "SHELF", "-1"),  # a lot of another product
        booking(shop, product, "A", "SHELF", "-7"),
        booking(shop, product, "NEW", "SHELF", "1"),
        booking(shop, product, "A", "SHELF", "1") | {"expiresOn": in_days(10)},
        booking(shop, product, "a", "SHELF", "-1"),  # codes are exact
    ]
    assert await shop.refused("stockAdjust", {"lines": wanted, "reason": "x"}) == [
        ("NOT_FOUND", "lines.0.lot"),
        ("INVALID_INPUT", "lines.3.expiresOn"),
        ("NOT_FOUND", "lines.4.lot"),
        ("INSUFFICIENT_STOCK", "lines.1.delta"),
    ]
    assert [each["code"] for each in (await seen(shop, product))["lots"]["nodes"]] == ["A"]
    assert (await seen(shop, other))["stock"]["onHand"] == "1"


async def test_counts_and_transfers_are_of_lots(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "5", in_days(9)), ("B", "SHELF", "4", None))
    at = shop.places["SHELF"]
    counted = [
        shop.line(product, location=at, onHand="3", lot="A", expectedOnHand="5"),
        shop.line(product, location=at, onHand="1", lot="C"),
    ]
    await shop.do("stockSet", {"lines": counted, "reason": "count"})
    ends = {"source": at, "destination": shop.places["HOLD"]}
    await shop.do("stockTransfer", {"lines": [shop.line(product, quantity="2", lot="B")], **ends})
    assert await levels(shop, product) == {
        ("SHELF", "A"): ("3", "0"),
        ("SHELF", "B"): ("2", "0"),
        ("SHELF", "C"): ("1", "0"),
    }
    assert (await lot(shop, product, "B"))["onHand"] == "4"  # in quarantine, too
    stale = [shop.line(product, location=at, onHand="3", lot="A", expectedOnHand="5")]
    assert await shop.refused("stockSet", {"lines": stale, "reason": "count"}) == [
        ("STALE_STOCK", "lines.0.expectedOnHand")
    ]
    short = [shop.line(product, quantity="3", lot="B")]
    assert await shop.refused("stockTransfer", {"lines": short, **ends}) == [("INSUFFICIENT_STOCK", "lines.0.quantity")]


async def test_tracking_stays_as_it_is_while_there_are_goods(shop: Clerk) -> None:
    plain = await shop.product({"SHELF": "5"})
    change = {"sku": plain["sku"], "tracking": "LOT"}
    assert await shop.refused("productUpsert", change) == [("INVALID_INPUT", "tracking")]
    await shop.do("stockAdjust", {"lines": [booking(shop, plain, None, "SHELF", "-5")], "reason": "x"})
    await shop.do("productUpsert", change)
    await receive(shop, plain, ("A", "SHELF", "5", None))
    assert await shop.refused("productUpsert", change | {"tracking": "NONE"}) == [("INVALID_INPUT", "tracking")]
    assert await levels(shop, plain) == {("SHELF", "A"): ("5", "0")}


# ---------------------------------------------------------------- promised


async def test_what_expires_first_is_promised_first(shop: Clerk) -> None:
    product = await tracked(
        shop,
        ("NEVER", "SHELF", "9", None),
        ("LATE", "SHELF", "9", in_days(90)),
        ("SOON", "RACK", "2", in_days(5)),
        ("NEXT", "SHELF", "2", in_days(6)),
    )
    order = await shop.order((product, "5"), confirm=True)
    assert await held(shop, order) == [[("RACK", "SOON", "2"), ("SHELF", "LATE", "1"), ("SHELF", "NEXT", "2")]]
    reserved = (await shop.events(order))[-1]["after"]["lineItems"]
    assert {each["lot"] for each in reserved} == {
        (await lot(shop, product, code))["id"] for code in ("SOON", "NEXT", "LATE")
    }
    await shop.do("orderCancel", {"order": {"id": order["id"]}})
    assert {reserved for _, reserved in (await levels(shop, product)).values()} == {"0"}


async def test_a_35_what_is_expired_or_blocked_is_never_available(shop: Clerk) -> None:
    product = await tracked(
        shop, ("OLD", "SHELF", "4", in_days(-2)), ("BAD", "SHELF", "3", in_days(30)), ("GOOD", "SHELF", "2", None)
    )
    await shop.do("lotUpdate", {"lot": (await lot(shop, product, "BAD"))["id"], "blocked": True})
    stock = (await seen(shop, product))["stock"]
    assert (stock["onHand"], stock["available"], stock["expired"]) == ("9", "2", "7")
    order = shop.ordering([shop.line(product, quantity="3")], confirm=True)
    assert await shop.refused("orderCreate", order) == [("INSUFFICIENT_STOCK", "lineItems.0.quantity")]
    hold = {"reference": "of expired", "lines": [shop.line(product, quantity="3")]}
    assert await shop.refused("stockHold", hold) == [("INSUFFICIENT_STOCK", "lines.0.quantity")]
    waiting = await shop.do("orderCreate", order | {"allowBackorder": True})
    assert progress(waiting) == [("3", "2", "0", "0", "0")]
    query = "query ($i: OrderPreviewInput!) { orderPreview(input: $i) { lines { available } } }"
    preview = await shop.ask(query, {"i": {"lineItems": [shop.line(product, quantity="1")]}})
    assert [line["available"] for line in preview.data["orderPreview"]["lines"]] == ["0"]
    # It can be written off, and moved.
    ends = {"source": shop.places["SHELF"], "destination": shop.places["HOLD"]}
    await shop.do("stockTransfer", {"lines": [shop.line(product, quantity="1", lot="OLD")], **ends})
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "OLD", "SHELF", "-3")], "reason": "expired"})
    # What may be sold again goes to who waits for it.
    await shop.do("lotUpdate", {"lot": (await lot(shop, product, "BAD"))["id"], "blocked": False})
    assert progress(await shop.again(waiting)) == [("3", "3", "0", "0", "0")]


async def test_a_35_the_last_day_is_a_day_where_the_tenant_is(desk: Desk) -> None:
    """It is about noon there, so that no midnight comes between."""
    behind = 12 - datetime.now(UTC).hour
    shop = await desk.open(timezone=f"Etc/GMT{-behind:+d}")
    today: date = await shop.admin.fetchval(
        "SELECT (now() AT TIME ZONE timezone)::date FROM tenants WHERE id = $1", shop.tenant
    )
    days = [(today + timedelta(each)).isoformat() for each in (-1, 0, 1)]
    product = await tracked(shop, *((f"L{place}", "SHELF", "1", day) for place, day in enumerate(days)))
    stock = (await seen(shop, product))["stock"]
    assert (stock["available"], stock["expired"]) == ("2", "1")
    order = await shop.order((product, "3"), confirm=True, allowBackorder=True)
    assert await held(shop, order) == [[("SHELF", "L1", "1"), ("SHELF", "L2", "1")]]
    assert await shop.differences() == []


async def test_a_basket_keeps_lots_and_its_order_has_them(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)), ("B", "SHELF", "3", in_days(6)))
    keep = {"reference": "of lots", "lines": [shop.line(product, quantity="3")]}
    hold = await shop.do("stockHold", keep)
    assert sorted(line["quantity"] for line in hold["lines"]) == ["1", "2"]
    assert await levels(shop, product) == {("SHELF", "A"): ("2", "2"), ("SHELF", "B"): ("3", "1")}
    other = await shop.order((product, "1"), confirm=True)
    assert await held(shop, other) == [[("SHELF", "B", "1")]]
    order = await shop.order((product, "2"), confirm=True, hold=hold["id"])
    assert await held(shop, order) == [[("SHELF", "A", "2")]]
    assert await levels(shop, product) == {("SHELF", "A"): ("2", "2"), ("SHELF", "B"): ("3", "1")}


async def test_reserved_goods_of_a_lot_are_taken_and_reserved_of_another(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)), ("B", "SHELF", "2", in_days(6)))
    order = await shop.order((product, "2"), confirm=True)
    broken = {"lines": [booking(shop, product, "A", "SHELF", "-1")], "reason": "broken"}
    assert await shop.refused("stockAdjust", broken) == [("INSUFFICIENT_STOCK", "lines.0.delta")]
    await shop.do("stockAdjust", broken | {"takeReserved": True})
    assert await held(shop, order) == [[("SHELF", "A", "1"), ("SHELF", "B", "1")]]


# ---------------------------------------------------------------- changed, found and traced


async def test_a_lot_is_changed_at_its_version_and_as_it_was_left_alone(shop: Clerk, rival: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)))
    found = await lot(shop, product, "A")
    changed = await shop.do("lotUpdate", {"lot": found["id"], "expiresOn": in_days(-3), "expectedVersion": 1})
    assert changed == found | {"expiresOn": in_days(-3), "version": 2}
    assert (await seen(shop, product))["stock"]["available"] == "0"
    assert await shop.do("lotUpdate", {"lot": found["id"], "blocked": False}) == changed
    stale = {"lot": found["id"], "blocked": True, "expectedVersion": 1}
    assert await shop.refused("lotUpdate", stale) == [("VERSION_CONFLICT", "expectedVersion")]
    assert await rival.refused("lotUpdate", {"lot": found["id"], "blocked": True}) == [("NOT_FOUND", "lot")]
    await shop.do("lotUpdate", {"lot": found["id"], "expiresOn": None})
    assert (await seen(shop, product))["stock"]["available"] == "2"
    told = [(each["type"], each["version"], each["after"]) for each in await shop.events(found)][1:]
    assert told == [("lot.updated", 2, {"expiresOn": in_days(-3)}), ("lot.updated", 3, {"expiresOn": None})]


async def test_a_recall_is_one_query(shop: Clerk) -> None:
    """Where a lot came from, where it is, and all customers who got any of it."""
    await shop.do("partnerUpsert", {"code": "C2", "name": "Larch Stores"})
    product = await tracked(shop, ("R1", "SHELF", "5", in_days(5)), ("R2", "SHELF", "5", in_days(6)))
    for customer, quantity in (("C1", "1"), ("C2", "2"), ("C2", "1")):
        order = await shop.order((product, quantity), confirm=True, customer={"code": customer})
        await shipped(shop, order)
    mistake = await shop.order((product, "1"), confirm=True, customer={"code": "C1"})
    await shop.do("shipmentCancel", {"shipment": (await shipped(shop, mistake))["id"]})
    await shop.do("orderCancel", {"order": {"id": mistake["id"]}})
    query = """query ($lot: ID!) {
        lots(where: {code: {eq: "R1"}}) { nodes { onHand stockLevels { nodes { location { code } onHand } }
            moves { nodes { source { kind } destination { kind } quantity lot { code } } }
            shipmentLines { nodes { quantity shipment { order { customer { code } } } } } } }
        orders(where: {lot: {eq: $lot}}) { totalCount { value } }
        partners(where: {orders: {some: {lot: {eq: $lot}}}}) { nodes { code } } }"""
    answer = await shop.ask(query, {"lot": (await lot(shop, product, "R1"))["id"]})
    assert not answer.errors
    [found] = answer.data["lots"]["nodes"]
    assert found["onHand"] == "1"
    assert found["stockLevels"]["nodes"] == [{"location": {"code": "SHELF"}, "onHand": "1"}]
    kinds = [
        (each["source"]["kind"], each["destination"]["kind"], each["quantity"]) for each in found["moves"]["nodes"]
    ]
    assert sorted(kinds) == [
        ("CUSTOMER", "INTERNAL", "1"),
        *[("INTERNAL", "CUSTOMER", each) for each in ("1", "1", "1", "2")],
        ("LOSS", "INTERNAL", "5"),
    ]
    went = [
        (each["shipment"]["order"]["customer"]["code"], each["quantity"]) for each in found["shipmentLines"]["nodes"]
    ]
    assert sorted(went) == [("C1", "1"), ("C2", "1"), ("C2", "2")]
    assert answer.data["orders"]["totalCount"]["value"] == 3
    assert [each["code"] for each in answer.data["partners"]["nodes"]] == ["C1", "C2"]


async def test_lots_are_found_and_sorted(shop: Clerk) -> None:
    product = await tracked(
        shop, ("F1", "SHELF", "1", in_days(9)), ("F2", "SHELF", "2", None), ("F3", "SHELF", "3", in_days(3))
    )
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "F1", "SHELF", "-1")], "reason": "x"})
    query = """query ($where: LotWhere, $by: [LotOrderBy!]) { lots(where: $where, orderBy: $by) { nodes { code } } }"""

    async def found(by: Any = None, **where: Any) -> list[str]:
        answer = await shop.ask(query, {"where": {"product": {"eq": product["id"]}} | where, "by": by})
        assert not answer.errors
        return [node["code"] for node in answer.data["lots"]["nodes"]]

    assert await found() == ["F3", "F1", "F2"]
    assert await found(by=[{"field": "CODE", "direction": "DESC"}]) == ["F3", "F2", "F1"]
    assert await found(onHand={"gt": "0"}) == ["F3", "F2"]
    assert await found(expiresOn={"lte": in_days(5)}) == ["F3"]
    assert await found(blocked={"eq": True}) == []
    sku = "query ($sku: String!) { products(where: {sku: {eq: $sku}, tracking: {eq: LOT}}) { nodes { sku } } }"
    assert len((await shop.ask(sku, {"sku": product["sku"]})).data["products"]["nodes"]) == 1


async def test_stock_of_a_day_ago_is_told_by_lots(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "5", None), ("B", "SHELF", "2", None))
    await shop.admin.execute(
        "UPDATE stock_moves SET occurred_at = occurred_at - interval '2 days' WHERE product_id = $1", identity(product)
    )
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "A", "SHELF", "-4")], "reason": "x"})
    at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    query = """query ($at: DateTime!, $sku: String!, $after: String) { stockPositions(
        at: $at, productWhere: {sku: {eq: $sku}}, first: 1, after: $after) { nodes { lot { code } onHand } pageInfo { endCursor } } }"""
    pages, cursor = [], None
    for _ in range(2):
        page = (await shop.ask(query, {"at": at, "sku": product["sku"], "after": cursor})).data["stockPositions"]
        pages += page["nodes"]
        cursor = page["pageInfo"]["endCursor"]
    assert pages == [{"lot": {"code": "A"}, "onHand": "5"}, {"lot": {"code": "B"}, "onHand": "2"}]
