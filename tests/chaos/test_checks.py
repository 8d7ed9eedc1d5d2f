"""Each check of a run finds what it is for: a planted fault is named, and a sound history isn't (THREATS.md, invariant 14)."""

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core import ids
from db.tenancy import APP
from tests.chaos import checks
from tests.chaos.load import Command, Outcome
from tests.chaos.site import Site, Tenant

ORDER = UUID(int=7)
MOVE = "mov_" + "1" * 32


def command(name: str, outcome: Outcome, *answers: Any, **given: Any) -> Command:
    return Command(f"{name}-{outcome.name}", name, given, True, outcome, list(answers), 1)


def answer(**parts: Any) -> dict[str, Any]:
    return {"userErrors": [], **parts}


CREATED = command("orderCreate", Outcome.OK, answer(order={"id": ids.encode("ord", ORDER)}))
SHIPPED = command("orderShip", Outcome.OK, answer(order={"id": ids.encode("ord", ORDER)}), order={"id": "x"})
ADJUSTED = command("stockAdjust", Outcome.OK, answer(moves=[{"id": MOVE}]), lines=[{"delta": "5"}, {"delta": "-1"}])
REFUSED = command("orderCancel", Outcome.REFUSED, {"userErrors": [{"code": "X"}]}, order={"id": "x"})
FAILED = command("stockTransfer", Outcome.FAILED)
DOUBTFUL = command("orderReturn", Outcome.UNKNOWN, order={"id": ids.encode("ord", ORDER)}, lineItems=[{}])
HISTORY = [CREATED, SHIPPED, ADJUSTED, REFUSED, FAILED, DOUBTFUL]

KEPT = Counter(each.key for each in (CREATED, SHIPPED, ADJUSTED, REFUSED))
DONE = Counter(each.key for each in (CREATED, SHIPPED, ADJUSTED))
HAPPENED = {("order.created", ORDER): 1, ("order.shipped", ORDER): 1}


@pytest.mark.parametrize("extra", [0, 1], ids=["without effect", "with effect"])
def test_a_sound_history_is_sound(extra: int) -> None:
    """What is in doubt may have happened, or not."""
    doubt = Counter({DOUBTFUL.key: extra})
    assert [*checks.judged(HISTORY, KEPT + doubt, DONE + doubt)] == []
    assert [*checks.miscounted(HISTORY, HAPPENED | {("order.returned", ORDER): extra})] == []
    assert [*checks.lost_moves(HISTORY, {MOVE})] == []
    assert [*checks.oversold(HISTORY, Decimal(6))] == []


@pytest.mark.parametrize(
    "kept, done, words",
    [
        (KEPT - Counter([CREATED.key]), DONE - Counter([CREATED.key]), "orderCreate-OK was ok"),
        (KEPT + Counter([SHIPPED.key]), DONE + Counter([SHIPPED.key]), "orderShip-OK was ok"),
        (KEPT, DONE + Counter([REFUSED.key]), "orderCancel-REFUSED was refused"),
        (KEPT + Counter([FAILED.key]), DONE + Counter([FAILED.key]), "stockTransfer-FAILED was failed"),
        (KEPT + Counter([DOUBTFUL.key] * 2), DONE + Counter([DOUBTFUL.key] * 2), "orderReturn-UNKNOWN was unknown"),
        (KEPT + Counter(["x"]), DONE, "x is nobody's"),
    ],
    ids=["lost", "doubled", "refused and done", "failed and done", "doubtful and doubled", "nobody's"],
)
def test_a_key_with_another_effect_than_was_answered_is_found(
    kept: Counter[str], done: Counter[str], words: str
) -> None:
    [wrong] = checks.judged(HISTORY, kept, done)
    assert words in wrong


def test_two_answers_to_one_command_are_found() -> None:
    two = command("orderCreate", Outcome.OK, answer(order={"id": "a"}), answer(order={"id": "b"}))
    [wrong] = checks.judged([two], Counter([two.key]), Counter([two.key]))
    assert wrong.endswith("was answered in different ways")


@pytest.mark.parametrize(
    "happened",
    [
        HAPPENED | {("order.shipped", ORDER): 2},
        HAPPENED | {("order.returned", ORDER): 2},
        {("order.created", ORDER): 1},
        HAPPENED | {("order.cancelled", ORDER): 1},
    ],
    ids=["twice", "twice where once is in doubt", "never", "though refused"],
)
def test_what_happened_more_or_less_often_than_was_answered_is_found(happened: dict[Any, int]) -> None:
    assert len([*checks.miscounted(HISTORY, happened)]) == 1


def test_lost_moves_and_too_many_shipments_are_found() -> None:
    assert len([*checks.lost_moves(HISTORY, set())]) == 1
    assert len([*checks.oversold(HISTORY, Decimal("6.5"))]) == 1


@pytest.fixture
async def sold(hurt: Site) -> Tenant:
    """A tenant with an order of its own, all of whose books are right."""
    tenant = await hurt.tenant()
    partner, product, order = (uuid4() for _ in range(3))
    mine = f"'{tenant.id}'"
    async with hurt.admin() as connection:
        await connection.execute(f"""
            INSERT INTO partners (tenant_id, id, code, name) VALUES ({mine}, '{partner}', 'C', 'C');
            INSERT INTO products (tenant_id, id, sku, name) VALUES ({mine}, '{product}', 'P', 'P');
            INSERT INTO orders (tenant_id, id, number, customer_id, currency, placed_at)
            VALUES ({mine}, '{order}', 'N', '{partner}', 'EUR', now());
            INSERT INTO line_items (tenant_id, id, order_id, position, product_id, description, quantity, currency,
                                    unit_price, total)
            VALUES ({mine}, gen_random_uuid(), '{order}', 1, '{product}', '', 1, 'EUR', 0, 0);
            INSERT INTO events (tenant_id, id, type, subject_id, version, principal)
            VALUES ({mine}, gen_random_uuid(), 'order.created', '{order}', 1, 'x');
        """)
    return tenant


PLANTED = {
    "an event is missing": "DELETE FROM events WHERE tenant_id = $1",
    "a version was left out": "UPDATE orders SET version = 3 WHERE tenant_id = $1",
    "an event came twice": """
        INSERT INTO events (tenant_id, id, type, subject_id, version, principal)
        SELECT tenant_id, gen_random_uuid(), type, subject_id, version, principal FROM events WHERE tenant_id = $1
    """,
    "the books are wrong": "UPDATE orders SET subtotal = 1 WHERE tenant_id = $1",
}


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_corruption_of_the_rows_is_found(hurt: Site, sold: Tenant, fault: str) -> None:
    assert await checks.books(hurt, sold) == []
    async with hurt.admin() as connection:
        await connection.execute(PLANTED[fault], sold.id)
    assert len(await checks.books(hurt, sold)) == 1


async def stray(hurt: Site, sold: Tenant) -> None:
    async with hurt.admin() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM orders WHERE tenant_id = $1", sold.id)


async def test_a_row_without_its_parent_is_found(hurt: Site, sold: Tenant) -> None:
    await stray(hurt, sold)
    assert any("refers to nothing" in wrong for wrong in await checks.books(hurt, sold))
    async with hurt.admin() as connection:
        await connection.execute("DELETE FROM line_items WHERE tenant_id = $1", sold.id)


@pytest.mark.parametrize(
    "leave, words",
    [("SELECT pg_advisory_lock(1)", "an advisory lock"), ("BEGIN", "idle in transaction")],
    ids=["a lock", "a transaction"],
)
async def test_what_is_left_behind_is_found(hurt: Site, leave: str, words: str) -> None:
    connection = await asyncpg.connect(hurt.postgres.url("chaos", user=APP))
    await connection.execute(leave)
    assert await checks.leftovers(hurt, tries=1) == [f"left behind: {words}"]
    await connection.close()
    assert await checks.leftovers(hurt) == []
