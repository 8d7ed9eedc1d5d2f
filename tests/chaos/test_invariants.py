"""Each invariant of the rows finds a planted corruption, or it wouldn't count.

The rows are those of real commands; each corruption is rolled back.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from db.tenancy import APP
from tests.chaos import checks, invariants
from tests.chaos.load import BASKETS, TRACKING, Command, Outcome, Shop, send, stocked
from tests.chaos.site import Site


@pytest.fixture(scope="module")
async def shop(hurt: Site) -> Shop:
    """An order that was shipped and came back in part, one that was cancelled, one that is open; one of a lot that was shipped, one
    of a serial number that is open; one of which a shipment was undone, and that was edited then; holds of a lot and of other goods; a lot that is blocked; a refusal.
    """
    made = await stocked(hurt, await hurt.tenant())
    lines = [{"product": {"sku": "P0"}, "quantity": "2"}, {"product": {"sku": "P1"}, "quantity": "1"}]
    create = {"customer": {"code": "C"}, "confirm": True}
    first, second, _ = [await carried_out(made, "orderCreate", create | {"lineItems": lines}) for _ in range(3)]
    await carried_out(made, "orderShip", {"order": {"id": first["id"]}})
    back = {"lineItem": first["lineItems"]["nodes"][0]["id"], "quantity": "1", "disposition": "RESTOCK"}
    await carried_out(made, "orderReturn", {"order": {"id": first["id"]}, "lineItems": [back]})
    await carried_out(made, "orderCancel", {"order": {"id": second["id"]}})
    moved = {"lines": [{"product": {"sku": "P2"}, "quantity": "3"}]}
    await carried_out(made, "stockTransfer", moved | dict(zip(("source", "destination"), made.locations, strict=True)))
    cheese, phone = ([{"product": {"sku": sku}, "quantity": "1"}] for sku in TRACKING)
    sent = await carried_out(made, "orderCreate", create | {"lineItems": cheese})
    await carried_out(made, "orderShip", {"order": {"id": sent["id"]}})
    await carried_out(made, "orderCreate", create | {"lineItems": phone})
    await carried_out(made, "stockHold", {"reference": BASKETS[0], "lines": cheese + lines})
    await carried_out(made, "lotUpdate", {"lot": made.lots[-1], "blocked": True})
    undone = await carried_out(made, "orderCreate", create | {"lineItems": lines})
    undone = await carried_out(made, "orderShip", {"order": {"id": undone["id"]}})
    undone = await carried_out(made, "shipmentCancel", {"shipment": undone["shipments"]["nodes"][0]["id"]})
    less = {"lineItem": undone["lineItems"]["nodes"][0]["id"], "quantity": "1"}
    more = {"product": {"sku": "P2"}, "quantity": "1"}
    await carried_out(made, "orderUpdate", {"order": {"id": undone["id"]}, "changes": [less, more]})
    many = [{"product": {"sku": "P0"}, "quantity": "900"}]
    assert await carried_out(made, "orderCreate", create | {"lineItems": many}, Outcome.REFUSED) is None
    return made


async def carried_out(shop: Shop, name: str, given: dict[str, Any], outcome: Outcome = Outcome.OK) -> Any:
    """The order that a command answers."""
    command = Command(f"{name}-{len(shop.history)}", name, given, order=shop.about(given))
    shop.history.append(command)
    async with shop.site.client(shop.tenant) as client:
        await send(client, shop, command)
    assert command.outcome is outcome, command
    return command.payload.get("order")


@pytest.fixture
async def planting(hurt: Site) -> AsyncIterator[Any]:
    """The administrator's connection in a transaction that is rolled back, in which no foreign key holds."""
    async with hurt.admin() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL session_replication_role = replica")
        try:
            yield connection
        finally:
            await transaction.rollback()


async def test_sound_rows_are_sound(shop: Shop, planting: Any) -> None:
    assert await invariants.broken(planting, shop.tenant.id) == []
    assert checks.contradictions(shop.history, await checks.rows(planting, shop.tenant.id)) == []


def first(table: str, change: str, where: str = "true") -> str:
    """Changes the tenant's first row that fits."""
    fits = f"tenant_id = '{{tenant}}' AND {where}"
    return f"UPDATE {table} SET {change} WHERE id = (SELECT id FROM {table} WHERE {fits} ORDER BY id LIMIT 1)"


def without(table: str, constraint: str, then: str) -> str:
    """The same where the constraint that would stand against it is missing."""
    return f"ALTER TABLE {table} DROP CONSTRAINT {constraint}; {then}"


def again(table: str, where: str, **changes: str) -> str:
    """The tenant's row that fits once more, with another id."""
    changed = {"id": "gen_random_uuid()"} | changes
    values = ", ".join(f"'{name}', {value}" for name, value in changed.items())
    return f"""
        INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(r) || jsonb_build_object({values}))).*
        FROM (SELECT * FROM {table} WHERE tenant_id = '{{tenant}}' AND {where} ORDER BY id LIMIT 1) r
    """


def another(table: str) -> str:
    """Another lot than the row's."""
    return f"(SELECT id FROM lots WHERE tenant_id = '{{tenant}}' AND id <> {table}.lot_id ORDER BY id LIMIT 1)"


ELSEWHERE = (
    "SELECT id FROM locations WHERE tenant_id = r.tenant_id AND id <> r.location_id AND kind = 'INTERNAL' LIMIT 1"
)
"""Another place than that of the row ``r``."""


def blocked_before(event: str, after: str = """'{{"blocked": true}}'""") -> str:
    """Lets the first lot of such an event have been blocked, or something else, before it."""
    lot = "(SELECT id FROM lots WHERE 'lot_' || replace(id::text, '-', '') = line->>'lot')"
    return f"""
        UPDATE events SET after = {after}, occurred_at = '-infinity', subject_id = (
            SELECT {lot} FROM events e, jsonb_array_elements(coalesce(e.after->'lineItems', e.after->'lines')) line
            WHERE e.tenant_id = '{{tenant}}' AND e.type = '{event}' AND line ? 'lot' ORDER BY e.id, {lot} LIMIT 1)
        WHERE tenant_id = '{{tenant}}' AND type = 'lot.updated'
    """


PATH = "An order's events are a path through its states"
TORN = "An order's events carry its versions, each once."
ROWS = {
    "1, a balance": ("What is on hand came in and didn't go out.", first("stock_levels", "on_hand = on_hand + 1")),
    "1, a move": (
        "What is on hand came in and didn't go out.",
        first("stock_moves", "quantity = quantity + 1", "line_item_id IS NULL"),
    ),
    "2, oversold": (
        "No more is reserved than is on hand, and nothing is below zero.",
        without("stock_levels", "ck_stock_levels_reserved", first("stock_levels", "reserved = on_hand + 1")),
    ),
    "3, a reservation": (
        "What is reserved of a balance is the sum of its reservations and holds.",
        first("reservations", "quantity = quantity + 1"),
    ),
    "3, a line": (
        "What is reserved for a line is the sum of its reservations.",
        first("line_items", "reserved = reserved - 1", "reserved > 0"),
    ),
    "3, a reservation of another lot": (
        "What is reserved of a balance is the sum of its reservations and holds.",
        first("reservations", f"lot_id = {another('reservations')}", "lot_id IS NOT NULL"),
    ),
    "3, a hold that is counted twice": (
        "What is reserved of a balance is the sum of its reservations and holds.",
        again("stock_hold_lines", "lot_id IS NULL", location_id=f"({ELSEWHERE})"),
    ),
    "3, a hold that has more than it said": (
        "A hold's goods are what it last said, as long as it stands.",
        first("stock_hold_lines", "quantity = quantity + 1"),
    ),
    "3, a hold that has goods although it was let go": (
        "A hold's goods are what it last said, as long as it stands.",
        first("events", "type = 'hold.released'", "type = 'hold.created'"),
    ),
    "3, a hold that ended and has goods": (
        "Goods are kept where they can be sold, by holds that stand until then.",
        first("stock_holds", "status = 'EXPIRED'"),
    ),
    "3, a balance that doesn't know when its hold ends": (
        "A balance knows when the first hold of it ends.",
        first("stock_levels", "held_until = NULL", "held_until IS NOT NULL"),
    ),
    "1, a move of another lot": (
        "What is on hand came in and didn't go out.",
        first("stock_moves", f"lot_id = {another('stock_moves')}", "lot_id IS NOT NULL"),
    ),
    "1, of a lot more left than had come": (
        "No balance was below zero at any time.",
        first("stock_moves", "occurred_at = '-infinity'", "lot_id IS NOT NULL AND reason = 'shipment'"),
    ),
    "1, goods that lost their lot": (
        "Goods of tracked products have lots of these products, and no others have any.",
        first("stock_levels", "lot_id = NULL", "lot_id IS NOT NULL AND on_hand > 0"),
    ),
    "1, a serial number in two places": (
        "A serial number is a single piece, in one place.",
        first(
            "stock_levels",
            "lot_id = (SELECT o.lot_id FROM stock_levels o WHERE o.tenant_id = '{tenant}' AND o.serial AND o.on_hand = 1"
            " AND o.location_id <> stock_levels.location_id LIMIT 1)",
            "serial AND on_hand = 1",
        ),
    ),
    "5, a balance that doesn't know that its lot is blocked": (
        "A balance says of its lot what the lot says.",
        first("stock_levels", "sellable_until = NULL", "sellable_until = '-infinity'"),
    ),
    "5, a lot that was blocked before it was sent": (
        "Nothing of a lot is promised or sent that may not be sold. lot_",
        blocked_before("order.shipped"),
    ),
    "5, a lot that was blocked before it was promised": (
        "Nothing of a lot is promised or sent that may not be sold. lot_",
        blocked_before("order.confirmed"),
    ),
    "5, a lot that was over before it was held": (
        "Nothing of a lot is promised or sent that may not be sold. lot_",
        blocked_before("hold.created", """'{{"expiresOn": "2020-01-31"}}'"""),
    ),
    "3, of a closed order": (
        "Goods are reserved where they can be sold, for lines of confirmed orders.",
        first("orders", "status = 'CLOSED'", "status = 'CONFIRMED'"),
    ),
    "4, a total": (
        "An order's subtotal is the sum of its lines before tax.",
        first("orders", "subtotal = subtotal + 1"),
    ),
    "4, more than was ordered": (
        "No more of a line is reserved, shipped and cancelled than was ordered.",
        without("line_items", "ck_line_items_ordered", first("line_items", "cancelled = quantity + 1")),
    ),
    "4, a state that no event tells": (PATH, first("orders", "status = 'CONFIRMED'", "status = 'CLOSED'")),
    "4, shipped after the end": (
        PATH,
        first("events", "type = 'order.shipped'", "type = 'order.returned'"),
    ),
    "4, opened again by a return": (
        PATH,
        first("events", "type = 'order.returned'", "type = 'order.shipment_cancelled'"),
    ),
    "4, still closed when its shipment was undone": (
        PATH,
        first("events", "type = 'order.shipment_cancelled'", "type = 'order.shipped'"),
    ),
    "4, never confirmed": (PATH, first("events", "type = 'order.updated'", "type = 'order.confirmed'")),
    "8, no event": (TORN, "DELETE FROM events WHERE tenant_id = '{tenant}' AND type = 'order.shipped'"),
    "8, an event twice": (TORN, again("events", "type = 'order.shipped'")),
    "8, a gap": (TORN, first("events", "version = 9", "type = 'order.returned'")),
    "9, a number twice": (
        "A number is one order's.",
        without(
            "orders",
            "uq_orders_tenant_id_number",
            "UPDATE orders SET number = 'SAME' WHERE tenant_id = '{tenant}'",
        ),
    ),
    "10, an order is missing": (
        f"{invariants.FOREIGN} line_items of orders",
        "DELETE FROM orders WHERE tenant_id = '{tenant}'",
    ),
    "10, a product is another tenant's": (
        f"{invariants.FOREIGN} stock_moves of products",
        "UPDATE products SET tenant_id = gen_random_uuid() WHERE tenant_id = '{tenant}'",
    ),
}


@pytest.mark.parametrize("rule, corruption", ROWS.values(), ids=ROWS)
async def test_a_corruption_of_the_rows_is_found(shop: Shop, planting: Any, rule: str, corruption: str) -> None:
    await planting.execute(corruption.format(tenant=shop.tenant.id))
    assert any(wrong.startswith(rule) for wrong in await invariants.broken(planting, shop.tenant.id))


HISTORY = {
    "7, a lost key": ("DELETE FROM idempotency_keys WHERE tenant_id = '{tenant}'", "is kept 0 times"),
    "7, a key of nobody": (again("idempotency_keys", "true", key="'x'"), "key x is nobody's"),
    "7, a refusal that was carried out": (
        "UPDATE idempotency_keys SET answer = '{{\"problems\": []}}' WHERE tenant_id = '{tenant}'",
        "was refused, and is kept 1 times with 1 effects",
    ),
    "11, a lost order": ("DELETE FROM orders WHERE tenant_id = '{tenant}'", "was answered with version"),
    "11, an order of nobody": (
        first("orders", "id = gen_random_uuid()"),
        "1 orders were made that nobody knows of, and 0 are in doubt",
    ),
    "11, a lost change": ("UPDATE orders SET version = 1 WHERE tenant_id = '{tenant}'", "and is of 1"),
    "11, another quantity": (first("line_items", "shipped = 1", "shipped = 2"), "isn't as orderReturn-"),
    "11, shipped twice": (again("events", "type = 'order.shipped'"), "order.shipped happened 2 times"),
    "11, a lost move": (
        "DELETE FROM stock_moves WHERE tenant_id = '{tenant}' AND line_item_id IS NULL",
        "isn't there as it was answered",
    ),
    "11, a doubled move": (again("stock_moves", "line_item_id IS NULL"), "goods were moved that nobody knows of"),
}


@pytest.mark.parametrize("corruption, words", HISTORY.values(), ids=HISTORY)
async def test_rows_that_contradict_the_answers_are_found(
    shop: Shop, planting: Any, corruption: str, words: str
) -> None:
    await planting.execute(corruption.format(tenant=shop.tenant.id))
    wrong = checks.contradictions(shop.history, await checks.rows(planting, shop.tenant.id))
    assert any(words in each for each in wrong)


@pytest.mark.parametrize(
    "leave, words",
    [("SELECT pg_advisory_lock(1)", "an advisory lock"), ("BEGIN", "idle in transaction")],
    ids=["a lock", "a transaction"],
)
async def test_12_what_is_left_behind_is_found(hurt: Site, leave: str, words: str) -> None:
    connection = await asyncpg.connect(hurt.postgres.url("chaos", user=APP))
    await connection.execute(leave)
    assert await invariants.leftovers(hurt, tries=1) == [f"left behind: {words}"]
    await connection.close()
    assert await invariants.leftovers(hurt) == []


async def test_12_connections_that_no_pool_has_are_found(hurt: Site) -> None:
    more = [await asyncpg.connect(hurt.postgres.url("chaos", user=APP)) for _ in range(2 * invariants.POOLS + 1)]
    [wrong] = await invariants.leftovers(hurt, tries=1)
    assert wrong.endswith(" connections")
    for connection in more:
        await connection.close()
    assert await invariants.leftovers(hurt) == []


async def test_12_a_fault_in_a_servers_log_is_found(hurt: Site) -> None:
    assert hurt.faults() == []
    log = hurt.servers[1].log
    before = log.read_bytes()
    for said in ("[error] fault request_id=1", "Task exception was never retrieved"):
        log.write_bytes(before + f"all is well\n{said}\n".encode())
        assert hurt.faults() == [said]
    log.write_bytes(before)
