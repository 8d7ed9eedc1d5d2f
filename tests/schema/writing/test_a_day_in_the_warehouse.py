"""A day in the warehouse of a dealer in cheese, as one story: what is done with three lots from morning to evening, and what the
books say at each hour.
"""

from typing import Any

from tests.schema.writing.test_lots import booking, held, in_days, levels, lot, receive
from tests.schema.writing.test_lots_shipped import left
from tests.schema.writing.test_shipments import shipped
from tests.support.clerk import Clerk, lines, progress
from tests.support.desk import Desk

RECALL = """query ($lot: ID!) {
    lots(where: {code: {eq: "L-2"}}) { nodes { onHand stockLevels { nodes { location { code kind } onHand } }
        moves { nodes { source { kind } destination { kind } quantity } } } }
    partners(where: {orders: {some: {lot: {eq: $lot}}}}) { nodes { code name } } }"""


async def test_a_day_in_the_warehouse(desk: Desk) -> None:
    shop = await desk.open()
    for code, name in (("KIOSK", "Ida's Kiosk"), ("INN", "The Larch Inn"), ("DELI", "Stone & Son")):
        await shop.do("partnerUpsert", {"code": code, "name": name})
    cheese = await shop.product(sku="CHEESE", name="Mountain cheese", tracking="LOT")

    # 6:00. A lorry brings three lots. The oldest goes to the rack, the others to the shelf.
    lorry = (
        ("L-1", "RACK", "4", in_days(10)),
        ("L-2", "SHELF", "10", in_days(20)),
        ("L-3", "SHELF", "6", in_days(30)),
    )
    await receive(shop, cheese, *lorry)
    assert await available(shop, cheese) == "20"

    # 8:00. The kiosk orders five. It gets what expires first.
    kiosk = await order(shop, "KIOSK", cheese, "5")
    assert await held(shop, kiosk) == [[("RACK", "L-1", "4"), ("SHELF", "L-2", "1")]]

    # 9:00. The inn puts seven into its basket, and thinks about it. Nobody else gets them meanwhile.
    basket = await shop.do("stockHold", {"reference": "the inn", "lines": [shop.line(cheese, quantity="7")]})
    assert await available(shop, cheese) == "8"

    # 10:00. The kiosk's goods are on the cart. The rack is blocked by a ladder, so all of them leave from the shelf.
    [line] = lines(kiosk)
    part = {"lineItem": line["id"], "quantity": "5", "location": shop.places["SHELF"]}
    await shop.do("orderShip", {"order": {"id": kiosk["id"]}, "lineItems": [part], "carrier": "Larch Freight"})
    assert await left(shop, kiosk) == [("SHELF", "L-2", "3"), ("SHELF", "L-3", "2")]

    # 10:15. That was the wrong cart. The shipment is cancelled: the cheese is back, and still the kiosk's.
    [wrong] = await shipments(shop, kiosk)
    await shop.do("shipmentCancel", {"shipment": wrong, "reason": "the wrong cart"})
    assert await held(shop, kiosk) == [[("SHELF", "L-2", "3"), ("SHELF", "L-3", "2")]]
    assert progress(await shop.again(kiosk)) == [("5", "5", "0", "0", "0")]

    # 11:00. The inn has decided. Its basket becomes an order, with the same cheese.
    inn = await order(shop, "INN", cheese, "7", hold=basket["id"])
    assert await held(shop, inn) == [[("SHELF", "L-2", "7")]]

    # 12:00. A wheel of the kiosk's falls from the shelf. It is written off, and another is reserved for the kiosk.
    broken = {"lines": [booking(shop, cheese, "L-3", "SHELF", "-5")], "reason": "fell down"}
    assert await shop.refused("stockAdjust", broken) == [("INSUFFICIENT_STOCK", "lines.0.delta")]
    await shop.do("stockAdjust", broken | {"takeReserved": True})
    assert await held(shop, kiosk) == [[("RACK", "L-1", "1"), ("SHELF", "L-2", "3"), ("SHELF", "L-3", "1")]]

    # 13:00. Both are sent, each as it is reserved.
    for each in (kiosk, inn):
        await shipped(shop, each)
        assert (await shop.again(each))["status"] == "CLOSED"
    assert await levels(shop, cheese) == {("RACK", "L-1"): ("3", "0")}

    # 15:00. Two of the inn's come back: they smell. They are kept apart, and nobody can buy them.
    [line] = lines(inn)
    back = {"lineItem": line["id"], "quantity": "2", "disposition": "QUARANTINE", "lot": "L-2"}
    await shop.do("orderReturn", {"order": {"id": inn["id"]}, "lineItems": [back]})
    assert await available(shop, cheese) == "3"

    # 16:00. The dairy calls: all of L-2 must come back. It is blocked, and one query says where it is and who has it.
    bad = await lot(shop, cheese, "L-2")
    await shop.do("lotUpdate", {"lot": bad["id"], "blocked": True})
    told = (await shop.ask(RECALL, {"lot": bad["id"]})).data
    [found] = told["lots"]["nodes"]
    there = [each for each in found["stockLevels"]["nodes"] if each["onHand"] != "0"]
    assert there == [{"location": {"code": "HOLD", "kind": "QUARANTINE"}, "onHand": "2"}]
    came_and_went = sorted(
        (each["source"]["kind"], each["destination"]["kind"], each["quantity"]) for each in found["moves"]["nodes"]
    )
    assert came_and_went == [
        ("CUSTOMER", "INTERNAL", "3"),  # the wrong cart, back
        ("CUSTOMER", "QUARANTINE", "2"),
        ("INTERNAL", "CUSTOMER", "3"),  # the wrong cart
        ("INTERNAL", "CUSTOMER", "3"),
        ("INTERNAL", "CUSTOMER", "7"),
        ("LOSS", "INTERNAL", "10"),
    ]
    assert [each["code"] for each in told["partners"]["nodes"]] == ["INN", "KIOSK"]

    # 17:00. The deli, which had none of it, gets what is left of the good cheese, and the books are right.
    deli = await order(shop, "DELI", cheese, "3")
    assert await held(shop, deli) == [[("RACK", "L-1", "3")]]
    assert await available(shop, cheese) == "0"
    assert await shop.differences() == []


async def available(shop: Clerk, product: Any) -> str:
    query = "query ($id: ID!) { product(by: {id: $id}) { stock { available } } }"
    found: str = (await shop.ask(query, {"id": product["id"]})).data["product"]["stock"]["available"]
    return found


async def order(shop: Clerk, customer: str, product: Any, quantity: str, **given: Any) -> Any:
    return await shop.order((product, quantity), confirm=True, customer={"code": customer}, **given)


async def shipments(shop: Clerk, placed: Any) -> list[str]:
    query = "query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id } } } }"
    nodes = (await shop.ask(query, {"id": placed["id"]})).data["order"]["shipments"]["nodes"]
    return [node["id"] for node in nodes]
