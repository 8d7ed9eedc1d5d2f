"""How many SQL statements each command about purchases takes: exactly, and as many for 500 lines as for one."""

from typing import Any

import pytest

from db.runtime.writer import Writer
from tests.support.buyer import Buyer, ordered_again

pytestmark = pytest.mark.one_server

COST = {
    "create": 7,
    "create, confirmed": 8,
    "update, the lines": 8,
    "update, the day": 5,
    "confirm": 7,
    "receive, in parts": 10,
    "receive": 10,
    "receive, served to one who waits": 13,
    "return": 9,
    "replenish": 5,
    "cancel, in parts": 6,
    "cancel": 6,
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []
    rows = Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        # Applications of tests before give back what lies idle; numbers are taken in blocks, by a transaction beside.
        if "budgets" not in sql and "number_series" not in sql:
            ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    return ran


@pytest.fixture(scope="module")
async def buyer(buyer: Buyer) -> Buyer:
    """The folder's, with 500 products."""
    # The place for suppliers, which a company's first receipt makes.
    there = {"warehouse": buyer.clerk.warehouses["NORTH"], "code": "FROM", "name": "F", "kind": "SUPPLIER"}
    await buyer.clerk.do("locationCreate", there)
    await buyer.clerk.admin.execute(
        "INSERT INTO products (tenant_id, id, sku, name) SELECT $1, gen_random_uuid(), 'B' || n, 'B' FROM generate_series(1, 500) n",
        buyer.clerk.tenant,
    )
    return buyer


async def test_a_command_takes_as_many_statements_for_500_lines_as_for_one(buyer: Buyer, ran: list[str]) -> None:
    found = {}
    for size in (1, 500):
        given = [{"product": {"sku": f"B{n}"}, "quantity": "4", "unitPrice": "2"} for n in range(1, size + 1)]
        costs: dict[str, int] = {}

        async def run(name: str, verb: str, costs: dict[str, int] = costs, **more: Any) -> Any:
            ran.clear()
            made = await buyer.clerk.do(f"purchaseOrder{verb}", more)
            costs[name] = len(ran)
            return {"purchaseOrder": {"id": made.get("purchaseOrder", made)["id"]}}

        async def lines(number: str) -> list[str]:
            sql = """SELECT l.id FROM purchase_lines l JOIN purchase_orders o ON o.id = l.purchase_order_id
                     WHERE o.number = $1 AND o.tenant_id = $2"""
            rows = await buyer.clerk.admin.fetch(sql, number, buyer.clerk.tenant)
            return [f"pul_{row['id'].hex}" for row in rows]

        new = buyer.given(lines=given)
        other = await run("create, confirmed", "Create", **new, number=f"A{size}", confirm=True)
        part = [{"line": line, "quantity": "1"} for line in await lines(f"A{size}")]
        await run("receive, in parts", "Receive", **other, lines=part)
        await buyer.clerk.do(
            "orderCreate",
            buyer.clerk.ordering(
                [{"product": each["product"], "quantity": "2", "unitPrice": "1"} for each in given],
                confirm=True,
                allowBackorder=True,
            ),
        )
        await run("receive, served to one who waits", "Receive", **other, lines=part)
        await run("receive", "Receive", **other, lines=[each | {"quantity": "2"} for each in part])
        back = [each | {"location": buyer.clerk.places["SHELF"]} for each in part]
        await run("return", "Return", **other, lines=back)
        order = await run("create", "Create", **new, number=f"B{size}")
        await run("update, the lines", "Update", **order, lines=given)
        await run("update, the day", "Update", **order, expectedOn="2026-12-01")
        await run("confirm", "Confirm", **order)
        await ordered_again(buyer.clerk, "S1", [f"B{n}" for n in range(1, size + 1)])
        ran.clear()
        [made] = await buyer.clerk.do("replenish", {})
        costs["replenish"] = len(ran)
        # The one of before is drafted already.
        assert len(made["lines"]["nodes"]) == min(size - (size > 1), 250)
        assert len(part) == size
        half = [{"line": line, "quantity": "2"} for line in await lines(f"B{size}")]
        await run("cancel, in parts", "Cancel", **order, lines=half)
        await run("cancel", "Cancel", **order)
        found[size] = costs
    assert found == {1: COST, 500: COST}
