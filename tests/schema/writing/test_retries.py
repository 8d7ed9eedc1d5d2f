"""Sent again with its key, a command gives its first answer and does nothing: idempotencyKey."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.errors import Unavailable
from db.runtime import engine
from db.runtime.engine import Database, Target
from services.kit import idempotency, work
from services.platform import sweeping
from tests.support import hooks
from tests.support.buyer import Buyer, came, went
from tests.support.clerk import PAYLOADS, Clerk, lines
from tests.support.desk import Desk, opened


async def count(shop: Clerk, table: str) -> int:
    found: int = await shop.admin.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", shop.tenant)
    return found


OTHERWISE: dict[str, dict[str, Any]] = {
    "replenish": {"supplier": {"code": "S1"}},
    "archive": {"archived": False},
    "tenantUpdate": {"address": None},
    "stockTransfer": {"reason": "Other"},
    "stockHold": {"seconds": 60},
    "pricesSet": {"priceList": {"code": "OTHER"}},
    "lotUpdate": {"blocked": False},
    "webhookSecretRotate": {"overlapHours": 1},
    "webhookTest": {"webhook": f"hook_{'0' * 32}"},
    "webhookReplay": {"since": "2101-01-01T00:00:00Z"},
}
"""What makes another input of those that have neither a name, a note, a reason nor a version."""


async def examples(shop: Clerk) -> dict[str, dict[str, Any]]:
    """An input for each mutation, that it can carry out."""
    product, short = await shop.product({"SHELF": "50"}), await shop.product()
    line = shop.line(product, quantity="1")
    draft, other, third = [await shop.order((product, "1")) for _ in range(3)]
    held, shipped = [await shop.order((product, "2"), confirm=True) for _ in range(2)]
    await shop.do("orderShip", {"order": {"id": shipped["id"]}})
    query = "query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id } } } }"
    [shipment] = (await shop.ask(query, {"id": shipped["id"]})).data["order"]["shipments"]["nodes"]
    less = {"lineItem": lines(held)[0]["id"], "quantity": "1"}
    back = {"lineItem": lines(shipped)[0]["id"], "quantity": "0.5", "disposition": "RESTOCK"}
    there = shop.line(product, location=shop.places["SHELF"])
    tracked = await shop.product(tracking="LOT")
    first = shop.line(tracked, location=shop.places["SHELF"], delta="1", lot="KEYED")
    await shop.do("stockAdjust", {"lines": [first], "reason": "received"})
    [lot] = (await shop.ask("{ lots { nodes { id } } }")).data["lots"]["nodes"]
    buyer = Buyer(shop)
    await buyer.supplier()
    await shop.do("priceListUpsert", {"code": "L1", "name": "List"})
    await shop.do("taxUpsert", {"code": "T1", "name": "Tax", "rate": "19"})
    bought, wanted, unwanted = [await buyer.order((product, "1")) for _ in range(3)]
    rule = {"product": {"id": product["id"]}, "warehouse": shop.warehouses["NORTH"]}
    await buyer.supplies(short, price={"amount": "2", "currency": "EUR"})
    await buyer.rule(short, "5", "10")
    expected, arrived = [await buyer.order((product, "2"), confirm=True) for _ in range(2)]
    await shop.do("purchaseOrderReceive", came(arrived, "2"))
    hook = {"webhook": (await shop.do("webhookCreate", hooks.GIVEN | {"name": "made"}))["id"]}
    return {
        "webhookCreate": hooks.GIVEN | {"name": "keyed"},
        "webhookUpdate": hook | {"name": "keyed"},
        **dict.fromkeys(("webhookDelete", "webhookSecretRotate", "webhookTest"), hook),
        "webhookReplay": hook | hooks.SINCE,
        "productUpsert": {"sku": "KEYED", "name": "Keyed"},
        "productCategoryUpsert": {"code": "KEYED", "name": "Keyed"},
        "partnerUpsert": {"code": "KEYED", "name": "Keyed"},
        "warehouseCreate": {"code": "KEYED", "name": "Keyed"},
        "rename": {"id": product["id"], "key": "KEYED-TOO"},
        "archive": {"id": shop.places["RACK"]},
        "warehouseUpdate": {"warehouse": shop.warehouses["NORTH"], "name": "Keyed"},
        "tenantUpdate": {"address": {"name": "Keyed", "country": "DE"}},
        "locationCreate": {"warehouse": shop.warehouses["NORTH"], "code": "KEYED", "name": "Keyed"},
        "allocationUpdate": {"rule": "BY_RANK", "warehouses": [shop.warehouses["SOUTH"]]},
        "orderCreate": shop.ordering([line], confirm=True),
        "orderUpdate": {"order": {"id": draft["id"]}, "note": "Keyed"},
        "orderConfirm": {"order": {"id": other["id"]}},
        "orderShip": {"order": {"id": held["id"]}},
        "orderCancel": {"order": {"id": third["id"]}},
        "orderReserve": {"order": {"id": held["id"]}, "lineItems": [less]},
        "shipmentUpdate": {"shipment": shipment["id"], "carrier": "Keyed"},
        "shipmentCancel": {"shipment": shipment["id"], "reason": "wrong box"},
        "orderReturn": {"order": {"id": shipped["id"]}, "lineItems": [back]},
        "stockAdjust": {"lines": [there | {"delta": "1"}], "reason": "found"},
        "stockSet": {"lines": [there | {"onHand": "60"}], "reason": "count"},
        "stockTransfer": {"source": shop.places["SHELF"], "destination": shop.places["RACK"], "lines": [line]},
        "stockHold": {"reference": "keyed", "lines": [line]},
        "priceListUpsert": {"code": "KEYED", "name": "Keyed"},
        "taxUpsert": {"code": "KEYED", "name": "Keyed", "rate": "7"},
        "taxGroupUpsert": {"code": "KEYED", "name": "Keyed", "substitutions": [{"to": {"code": "T1"}}]},
        "pricesSet": {"priceList": {"code": "L1"}, "lines": [{"product": {"id": product["id"]}, "amount": "3"}]},
        "lotUpdate": {"lot": lot["id"], "blocked": True},
        "productSupplierUpsert": {"product": {"id": product["id"]}, "supplier": {"code": "S1"}, "leadDays": 3},
        "purchaseOrderCreate": buyer.given((product, "2")),
        "purchaseOrderUpdate": {"purchaseOrder": {"id": bought["id"]}, "note": "Keyed"},
        "purchaseOrderConfirm": {"purchaseOrder": {"id": wanted["id"]}},
        "purchaseOrderReceive": came(expected, "1"),
        "purchaseSettingsUpdate": {"overReceiptPercent": "3"},
        "reorderRuleUpsert": rule | {"point": "1", "target": "2", "location": shop.places["SHELF"]},
        "replenish": {"warehouse": shop.warehouses["NORTH"]},
        "purchaseOrderReturn": went(arrived, "1", shop.places["SHELF"]),
        "purchaseOrderCancel": {"purchaseOrder": {"id": unwanted["id"]}},
    }


@pytest.mark.parametrize("field", PAYLOADS)
async def test_every_mutation_gives_its_first_answer_again_and_does_nothing(desk: Desk, field: str) -> None:
    shop = await desk.open()
    given = (await examples(shop))[field] | {"idempotencyKey": "again"}
    first = await shop.payload(field, given)
    assert first["userErrors"] == []
    before = await shop.digest()
    assert await shop.payload(field, given) == first
    assert await shop.digest() == before
    # The same key for another input, or for another command, is a mistake of the caller's.
    other = given | {"name": "Other"} if "name" in given else given | {"note": "Other"}
    if field not in ("orderUpdate", "orderCreate", "purchaseOrderCreate") and "name" not in given:
        other = given | ({"reason": "Other"} if "reason" in given else {"expectedVersion": 9})
    other = given | OTHERWISE[field] if field in OTHERWISE else other
    [refusal] = await shop.refusals(field, other)
    assert refusal[:2] == ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")
    assert await shop.payload(field, given) == first
    assert await shop.differences() == []


async def test_a_refusal_is_given_again_even_when_it_would_succeed_now(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    given = shop.ordering([shop.line(product, quantity="2")], confirm=True, idempotencyKey="refused")
    first = await shop.refusals("orderCreate", given)
    assert [each.code for each in first] == ["INSUFFICIENT_STOCK"]
    line = shop.line(product, location=shop.places["SHELF"], delta="5")
    await shop.do("stockAdjust", {"lines": [line], "reason": "found"})
    assert await shop.refusals("orderCreate", given) == first
    made = await shop.do("orderCreate", given | {"idempotencyKey": "another"})
    assert made["status"] == "CONFIRMED"


async def test_a_refusal_of_each_kind_is_kept_with_its_facts(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    order, by_id = await shop.order((product, "5")), {"sku": product["sku"], "name": "New"}
    shelf = {"product": {"id": product["id"]}, "location": shop.places["SHELF"]}
    tries: dict[str, tuple[str, dict[str, Any]]] = {
        "INSUFFICIENT_STOCK": ("orderConfirm", {"order": {"id": order["id"]}}),
        "INVALID_TRANSITION": ("orderShip", {"order": {"id": order["id"]}}),
        "VERSION_CONFLICT": ("productUpsert", by_id | {"expectedVersion": 7}),
        "STALE_STOCK": ("stockSet", {"lines": [shelf | {"onHand": "1", "expectedOnHand": "2"}], "reason": "count"}),
        "NOT_FOUND": ("orderCancel", {"order": {"number": "NOBODY"}}),
        "DUPLICATE": ("warehouseCreate", {"code": "NORTH", "name": "Retry"}),
        "INVALID_INPUT": (
            "orderCancel",
            {"order": {"id": order["id"]}, "lineItems": [{"lineItem": lines(order)[0]["id"], "quantity": "1"}]},
        ),
    }
    for code, (field, given) in tries.items():
        first = await shop.refusals(field, given | {"idempotencyKey": f"kept {code}"})
        assert [each.code for each in first] == [code]
        assert await shop.refusals(field, given | {"idempotencyKey": f"kept {code}"}) == first


async def test_what_can_not_be_read_as_a_command_takes_no_key(shop: Clerk) -> None:
    """Values that make no sense by themselves always make none: there is nothing to remember."""
    before = await count(shop, "idempotency_keys")
    given = {"sku": "X", "name": "", "idempotencyKey": "unread"}
    assert await shop.refused("productUpsert", given) == [("INVALID_INPUT", "name")]
    assert await count(shop, "idempotency_keys") == before
    await shop.do("productUpsert", given | {"name": "Good"})


async def test_the_record_is_read_anew(shop: Clerk) -> None:
    given = {"sku": "ANEW", "name": "One", "idempotencyKey": "anew"}
    first = await shop.do("productUpsert", given)
    changed = await shop.do("productUpsert", {"sku": "ANEW", "name": "Two"})
    assert await shop.do("productUpsert", given) == changed == first | {"name": "Two", "version": 2}


async def test_the_same_key_for_another_command_is_refused(shop: Clerk) -> None:
    given = {"code": "BOTH", "name": "Both", "idempotencyKey": "both"}
    await shop.do("partnerUpsert", given)
    assert await shop.refused("warehouseCreate", given) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]


async def test_null_and_left_out_are_two_inputs(shop: Clerk) -> None:
    given = {"sku": "TWO", "name": "Two", "idempotencyKey": "two"}
    await shop.do("productUpsert", given)
    reused = [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await shop.refused("productUpsert", given | {"description": None}) == reused
    # How a number is written is no difference of meaning, but of input: it may be refused, and is not done twice.
    priced = {"sku": "PRICED", "name": "Priced", "idempotencyKey": "priced"}
    await shop.do("productUpsert", priced | {"listPrice": {"amount": "5", "currency": "EUR"}})
    other = priced | {"listPrice": {"amount": "6", "currency": "EUR"}}
    assert await shop.refused("productUpsert", other) == reused


async def test_keys_are_a_companys_own(shop: Clerk, rival: Clerk) -> None:
    given = {"sku": "OWN", "name": "Own", "idempotencyKey": "own"}
    mine, theirs = await shop.do("productUpsert", given), await rival.do("productUpsert", given)
    assert mine["id"] != theirs["id"]
    other = given | {"name": "Other"}
    assert (await rival.do("productUpsert", other | {"idempotencyKey": "other"}))["version"] == 2
    assert (await shop.do("productUpsert", other | {"idempotencyKey": "other"}))["version"] == 2


async def test_without_a_key_the_same_is_done_twice(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "4"})
    given = shop.ordering([shop.line(product, quantity="2")], confirm=True)
    keys = await count(shop, "idempotency_keys")
    first = await shop.do("orderCreate", given)
    second = await shop.do("orderCreate", given | {"idempotencyKey": None})
    assert first["id"] != second["id"]
    assert await shop.stock(product) == {"SHELF": ("4", "4")}
    assert await count(shop, "idempotency_keys") == keys


@pytest.mark.parametrize("key", ["k" * 255, "🔑" * 255, " k ", "'; DROP TABLE orders; --"])
async def test_a_key_is_any_text(shop: Clerk, key: str) -> None:
    given = {"sku": f"KEY {key[:5]}", "name": "Any", "idempotencyKey": key}
    first = await shop.do("productUpsert", given)
    assert await shop.do("productUpsert", given) == first
    assert first["version"] == 1


@pytest.mark.parametrize("key", ["", " ", "   ", "\u00a0", "\u200b", "k" * 256, "a\0b", "a\tb", "\ud800"])
async def test_a_key_that_makes_no_sense_is_refused(shop: Clerk, key: str) -> None:
    given = {"sku": "NEVER", "name": "Never", "idempotencyKey": key}
    assert await shop.refused("productUpsert", given) == [("INVALID_INPUT", "idempotencyKey")]


async def test_keys_are_kept_for_48_hours_and_swept_then(desk: Desk) -> None:
    shop = await desk.bare()
    for key in ("old", "just not", "new"):
        await shop.do("productUpsert", {"sku": key, "name": key, "idempotencyKey": key})
    for key, age in (("old", timedelta(hours=48, seconds=5)), ("just not", timedelta(hours=47, minutes=59))):
        sql = "UPDATE idempotency_keys SET created_at = now() - $3::interval WHERE tenant_id = $1 AND key = $2"
        await shop.admin.execute(sql, shop.tenant, key, age)
    await shop.do("productUpsert", {"sku": "x", "name": "x", "idempotencyKey": "too soon for a sweep"})
    assert await count(shop, "idempotency_keys") == 4
    idempotency._swept[shop.tenant] -= idempotency.SWEEP_EVERY
    await shop.do("productUpsert", {"sku": "y", "name": "y", "idempotencyKey": "sweeps"})
    kept = await shop.admin.fetch("SELECT key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY id", shop.tenant)
    assert [row["key"] for row in kept] == ["just not", "new", "too soon for a sweep", "sweeps"]
    await shop.do("productUpsert", {"sku": "z", "name": "z", "idempotencyKey": "old"})  # is free again


async def test_a_sweep_goes_on_with_the_next_command_until_none_is_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 in ten minutes were fewer than a busy tenant stores."""
    monkeypatch.setattr(idempotency, "SWEEP", idempotency.SWEEP.replace("LIMIT 1000", "LIMIT 2"))
    monkeypatch.setattr(idempotency, "SWEEP_AT_MOST", 2)
    shop = await desk.bare()
    await old_keys(shop, 5)
    idempotency._swept.pop(shop.tenant)
    left = []
    for number in range(4):
        await shop.do("productUpsert", {"sku": f"s{number}", "name": "s", "idempotencyKey": f"s{number}"})
        left.append(await count(shop, "idempotency_keys") - 1 - number)
    assert left == [3, 1, 0, 0]


async def test_keys_of_quiet_tenants_are_swept_as_well(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "SWEEP", idempotency.SWEEP.replace("LIMIT 1000", "LIMIT 2"))
    monkeypatch.setattr(sweeping, "SWEEP_AT_MOST", 2)
    async with opened(fresh) as desk:
        quiet, other = await desk.bare(), await desk.bare()
        await old_keys(quiet, 5)
        await other.do("productUpsert", {"sku": "new", "name": "new", "idempotencyKey": "new"})
        assert (await sweeping.sweep(fresh, 30))["keys"] == 5
        assert (await count(quiet, "idempotency_keys"), await count(other, "idempotency_keys")) == (0, 1)


async def old_keys(shop: Clerk, number: int) -> None:
    for each in range(number):
        await shop.do("productUpsert", {"sku": f"{each}", "name": "old", "idempotencyKey": f"old {each}"})
    sql = "UPDATE idempotency_keys SET created_at = now() - interval '49 hours' WHERE tenant_id = $1"
    await shop.admin.execute(sql, shop.tenant)


# ---------------------------------------------------------------- Case 28


async def test_of_concurrent_duplicates_one_has_an_effect_and_all_have_its_answer(shop: Clerk) -> None:
    """Case 28, for what succeeds."""
    product = await shop.product({"SHELF": "100"})
    given = shop.ordering([shop.line(product, quantity="2")], confirm=True, idempotencyKey="twenty")
    events = await count(shop, "events")
    again = sum(work.repeated.values())
    answers = await asyncio.gather(*(shop.payload("orderCreate", given) for _ in range(20)))
    assert answers == answers[:1] * 20
    assert answers[0]["userErrors"] == []
    assert await shop.stock(product) == {"SHELF": ("100", "2")}
    assert await count(shop, "events") == events + 2
    assert sum(work.repeated.values()) > again  # they did meet


async def test_of_concurrent_duplicates_that_are_refused_all_are_refused(shop: Clerk) -> None:
    """Case 28, for what is refused: with goods that arrive in between, none may succeed after another was
    refused.
    """
    product = await shop.product({"SHELF": "1"})
    given = shop.ordering([shop.line(product, quantity="2")], confirm=True, idempotencyKey="refused twenty")
    line = shop.line(product, location=shop.places["SHELF"], delta="10")
    answers, _ = await asyncio.gather(
        asyncio.gather(*(shop.payload("orderCreate", given) for _ in range(20))),
        shop.do("stockAdjust", {"lines": [line], "reason": "found"}),
    )
    assert answers == answers[:1] * 20
    orders = 0 if answers[0]["order"] is None else 1
    assert (await shop.stock(product))["SHELF"] == ("11", str(2 * orders))


async def test_of_concurrent_commands_with_one_key_one_is_carried_out(shop: Clerk) -> None:
    """Case 28, for other inputs."""
    before = await count(shop, "products")
    given = [{"sku": f"RACE {index}", "name": "Race", "idempotencyKey": "race"} for index in range(20)]
    answers = await asyncio.gather(*(shop.payload("productUpsert", each) for each in given))
    codes = [error["code"] for answer in answers for error in answer["userErrors"]]
    assert codes == ["IDEMPOTENCY_KEY_REUSED"] * 19
    assert await count(shop, "products") == before + 1


async def test_concurrent_duplicates_in_two_companies_are_two_commands(shop: Clerk, rival: Clerk) -> None:
    """Case 28, for two tenants."""
    given = {"sku": "TENANTS", "name": "Two", "idempotencyKey": "tenants"}
    answers = await asyncio.gather(*(each.do("productUpsert", given) for _ in range(10) for each in (shop, rival)))
    assert len({answer["id"] for answer in answers}) == 2
    assert {answer["version"] for answer in answers} == {1}


async def test_who_waits_too_long_for_a_lock_is_told_and_nothing_was_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "RETRY_FOR", 0.1)
    monkeypatch.setitem(engine.WRITER_SETTINGS, "lock_timeout", "20")
    impatient = Database(desk.target, size=1)
    await impatient.open()
    shop = await desk.open()
    shop.database = impatient
    given = {"sku": (await shop.product())["sku"], "name": "Other", "idempotencyKey": "held"}
    before = await shop.digest()
    async with shop.admin.transaction():
        await shop.admin.execute("SELECT 1 FROM products WHERE sku = $1 FOR UPDATE", given["sku"])
        answer = await shop.send("productUpsert", given)
    [error] = answer.errors
    assert isinstance(error.original_error, Unavailable)
    assert error.message == "Too many others are changing the same records. Nothing was done; try again in a moment."
    assert answer.data == {"productUpsert": None}
    assert await shop.digest() == before
    assert (await shop.do("productUpsert", given))["name"] == "Other"
    await impatient.close()
