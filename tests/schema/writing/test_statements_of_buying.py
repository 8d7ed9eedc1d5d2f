"""How many SQL statements each command about purchases takes: exactly, and as many for 500 lines as for one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.runtime.writer import Writer
from tests.support.buyer import Buyer
from tests.support.desk import Desk

COST = {
    "create": 7,
    "create, confirmed": 8,
    "update, the lines": 8,
    "update, the day": 5,
    "confirm": 7,
    "cancel, in parts": 6,
    "cancel": 6,
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        if "budgets" not in sql:  # applications of tests before give back what lies idle
            ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    return ran


@pytest.fixture(scope="module")
async def buyer(desk: Desk) -> AsyncIterator[Buyer]:
    buyer = Buyer(await desk.open())
    await buyer.supplier()
    await buyer.clerk.admin.execute(
        "INSERT INTO products (tenant_id, id, sku, name) SELECT $1, gen_random_uuid(), 'B' || n, 'B' FROM generate_series(1, 500) n",
        buyer.clerk.tenant,
    )
    yield buyer
    assert await buyer.clerk.differences() == []


async def test_a_command_takes_as_many_statements_for_500_lines_as_for_one(buyer: Buyer, ran: list[str]) -> None:
    found = {}
    for size in (1, 500):
        given = [{"product": {"sku": f"B{n}"}, "quantity": "4", "unitPrice": "2"} for n in range(1, size + 1)]
        costs: dict[str, int] = {}

        async def run(name: str, verb: str, costs: dict[str, int] = costs, **more: Any) -> Any:
            ran.clear()
            made = await buyer.clerk.do(f"purchaseOrder{verb}", more)
            costs[name] = len(ran)
            return {"purchaseOrder": {"id": made["id"]}}

        new = buyer.given(lines=given)
        await run("create, confirmed", "Create", **new, number=f"A{size}", confirm=True)
        order = await run("create", "Create", **new, number=f"B{size}")
        await run("update, the lines", "Update", **order, lines=given)
        await run("update, the day", "Update", **order, expectedOn="2026-12-01")
        await run("confirm", "Confirm", **order)
        rows = await buyer.clerk.admin.fetch(
            "SELECT l.id FROM purchase_lines l JOIN purchase_orders o ON o.id = l.purchase_order_id WHERE o.number = $1",
            f"B{size}",
        )
        half = [{"line": f"pul_{row['id'].hex}", "quantity": "2"} for row in rows]
        assert len(half) == size
        await run("cancel, in parts", "Cancel", **order, lines=half)
        await run("cancel", "Cancel", **order)
        found[size] = costs
    assert found == {1: COST, 500: COST}
