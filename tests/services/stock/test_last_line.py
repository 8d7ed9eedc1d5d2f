"""The last line of defence: what the database itself refuses, whatever a service had let through.

Each attempt is SQL by hand as the serving role, with the tenant set as a service would.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
from asyncpg import (
    CheckViolationError,
    ForeignKeyViolationError,
    InsufficientPrivilegeError,
    NumericValueOutOfRangeError,
)

from core.ids import new_id
from db.tenancy import APP, set_tenant
from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk


async def established(desk: Desk) -> tuple[Clerk, dict[str, UUID]]:
    """A company that has five of a product on its shelf, three of them reserved; two were shipped of which one came back.
    Its rows by the names that the statements have for them.
    """
    clerk = await desk.open()
    product = await clerk.product({"SHELF": "6"})
    order = await clerk.order((product, "6"), confirm=True)
    on, line = {"order": {"id": order["id"]}}, {"lineItem": lines(order)[0]["id"]}
    await clerk.do("orderShip", on | {"lineItems": [line | {"quantity": "2"}]})
    await clerk.do("orderReturn", on | {"lineItems": [line | {"quantity": "1", "disposition": "RESTOCK"}]})
    await clerk.do("orderCancel", on | {"lineItems": [line | {"quantity": "1"}]})
    assert await clerk.stock(product) == {"SHELF": ("5", "3")}
    level = await desk.admin.fetchval("SELECT id FROM stock_levels WHERE tenant_id = $1", clerk.tenant)
    places = {code.lower(): identity({"id": given}) for code, given in clerk.places.items()}
    rows = {"order": order, "line": lines(order)[0], "product": product}
    return clerk, {"tenant": clerk.tenant, "level": level} | places | {
        name: identity(row) for name, row in rows.items()
    }


class Hand(NamedTuple):
    """Writes SQL as the serving role, for one company. ``{name}`` in a statement is a row of its, ``{their_name}``
    one of another company's, ``{new}`` a new id.
    """

    connection: Any
    clerk: Clerk
    rows: Mapping[str, UUID]

    async def write(self, statement: str) -> str:
        """Run a statement in a transaction of the tenant's, which is undone then: what passed would spoil the
        rest. How many rows it was about, as PostgreSQL says it.
        """
        written = statement.format(new=f"'{new_id()}'", **{name: f"'{row}'" for name, row in self.rows.items()})
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await self.connection.execute(set_tenant(self.clerk.tenant))
            return str(await self.connection.execute(written))
        finally:
            await transaction.rollback()

    async def refused(self, statement: str) -> asyncpg.PostgresError:
        """The error of a statement that must not pass."""
        with pytest.raises(asyncpg.PostgresError) as caught:
            await self.write(statement)
        return caught.value


@pytest.fixture(scope="module")
async def hand(desk: Desk) -> AsyncIterator[Hand]:
    (clerk, mine), (_, theirs) = await established(desk), await established(desk)
    connection = await asyncpg.connect(desk.target.serving, server_settings=desk.target.settings())
    assert await connection.fetchval("SELECT current_user") == APP
    yield Hand(connection, clerk, mine | {f"their_{name}": row for name, row in theirs.items()})
    await connection.close()


LEVEL = "INSERT INTO stock_levels (tenant_id, id, product_id, location_id, on_hand, reserved) VALUES "
MOVE = """INSERT INTO stock_moves (tenant_id, id, product_id, source_id, destination_id, quantity, line_item_id, reason, principal)
    VALUES """
RESERVE = "INSERT INTO reservations (tenant_id, id, line_item_id, product_id, location_id, quantity) VALUES "
LINE = """INSERT INTO line_items (tenant_id, id, order_id, position, product_id, quantity, description, currency, unit_price, total)
    VALUES """


def balance(change: str) -> str:
    return f"UPDATE stock_levels SET {change} WHERE tenant_id = {{tenant}} AND id = {{level}}"


def progress(change: str) -> str:
    return f"UPDATE line_items SET {change} WHERE tenant_id = {{tenant}} AND id = {{line}}"


CHECKED = {
    "sell what isn't there": (balance("reserved = reserved + 2.000001"), "ck_stock_levels_reserved"),
    "ship what isn't there": (balance("on_hand = on_hand - 6, reserved = 0"), "ck_stock_levels_on_hand"),
    "take away what is reserved": (balance("on_hand = on_hand - 2.000001"), "ck_stock_levels_reserved"),
    "reserve less than nothing": (balance("reserved = -0.000001"), "ck_stock_levels_reserved"),
    "begin with less than nothing": (
        LEVEL + "({tenant}, {new}, {product}, {rack}, -1, 0)",
        "ck_stock_levels_on_hand",
    ),
    "begin with a promise": (LEVEL + "({tenant}, {new}, {product}, {rack}, 0, 1)", "ck_stock_levels_reserved"),
    "take back more than was shipped": (progress("returned = shipped + 0.000001"), "ck_line_items_returned"),
    "ship more than was ordered": (progress("shipped = 3"), "ck_line_items_ordered"),
    "reserve more than was ordered": (progress("reserved = 4"), "ck_line_items_ordered"),
    "cancel more than was ordered": (progress("cancelled = 2"), "ck_line_items_ordered"),
    "order less than is promised": (progress("quantity = 5"), "ck_line_items_ordered"),
    "ship less than nothing": (progress("shipped = -1, returned = -1"), "ck_line_items_progress"),
    "order nothing": (
        LINE + "({tenant}, {new}, {order}, 2, {product}, 0, 'x', 'EUR', 1, 0)",
        "ck_line_items_quantity",
    ),
    "move nothing": (
        MOVE + "({tenant}, {new}, {product}, {shelf}, {rack}, 0, NULL, 'x', 'x')",
        "ck_stock_moves_quantity",
    ),
    "move backwards": (
        MOVE + "({tenant}, {new}, {product}, {shelf}, {rack}, -1, NULL, 'x', 'x')",
        "ck_stock_moves_quantity",
    ),
    "move to where it is": (
        MOVE + "({tenant}, {new}, {product}, {shelf}, {shelf}, 1, NULL, 'x', 'x')",
        "ck_stock_moves_distinct",
    ),
    "hold nothing": (RESERVE + "({tenant}, {new}, {line}, {product}, {rack}, 0)", "ck_reservations_quantity"),
}


@pytest.mark.parametrize("what", CHECKED)
async def test_no_row_can_say_what_is_not_so(hand: Hand, what: str) -> None:
    statement, constraint = CHECKED[what]
    error = await hand.refused(statement)
    assert (type(error), error.constraint_name) == (CheckViolationError, constraint)


FOREIGN = {
    "a reservation for their line": RESERVE + "({tenant}, {new}, {their_line}, {product}, {shelf}, 1)",
    "a reservation of their product": RESERVE + "({tenant}, {new}, {line}, {their_product}, {rack}, 1)",
    "a reservation at their place": RESERVE + "({tenant}, {new}, {line}, {product}, {their_shelf}, 1)",
    "a line of their order": LINE + "({tenant}, {new}, {their_order}, 2, {product}, 1, 'x', 'EUR', 1, 1)",
    "a line about their product": LINE + "({tenant}, {new}, {order}, 2, {their_product}, 1, 'x', 'EUR', 1, 1)",
    "a balance of their product": LEVEL + "({tenant}, {new}, {their_product}, {shelf}, 1, 0)",
    "a balance at their place": LEVEL + "({tenant}, {new}, {product}, {their_shelf}, 1, 0)",
    "a move for their line": MOVE + "({tenant}, {new}, {product}, {shelf}, {rack}, 1, {their_line}, 'x', 'x')",
    "a move from their place": MOVE + "({tenant}, {new}, {product}, {their_shelf}, {rack}, 1, NULL, 'x', 'x')",
    "a line that goes over to their order": progress("order_id = {their_order}"),
    "a product that is ordered goes away": "DELETE FROM products WHERE tenant_id = {tenant} AND id = {product}",
    "a line that has moved goes away": "DELETE FROM line_items WHERE tenant_id = {tenant} AND id = {line}",
    "an order that has moved goes away": "DELETE FROM orders WHERE tenant_id = {tenant} AND id = {order}",
}


@pytest.mark.parametrize("what", FOREIGN)
async def test_no_row_can_refer_to_another_companys_or_to_nothing(hand: Hand, what: str) -> None:
    assert type(await hand.refused(FOREIGN[what])) is ForeignKeyViolationError


FORBIDDEN = {
    "rewrite the ledger": "UPDATE stock_moves SET quantity = 1",
    "cut the ledger": "DELETE FROM stock_moves",
    "empty the ledger": "TRUNCATE stock_moves",
    "rewrite what happened": "UPDATE events SET principal = 'nobody'",
    "forget what happened": "DELETE FROM events",
    "empty what happened": "TRUNCATE events",
    "empty the balances": "TRUNCATE stock_levels",
    "lift a constraint": "ALTER TABLE stock_levels DROP CONSTRAINT ck_stock_levels_reserved",
    "lift row-level security": "ALTER TABLE stock_levels DISABLE ROW LEVEL SECURITY",
    "hold triggers off": "SET session_replication_role = replica",
    "a balance of theirs": LEVEL + "({their_tenant}, {new}, {their_product}, {their_rack}, 1, 0)",
    "a move of theirs": MOVE
    + "({their_tenant}, {new}, {their_product}, {their_shelf}, {their_rack}, 1, NULL, 'x', 'x')",
    "a reservation of theirs": RESERVE + "({their_tenant}, {new}, {their_line}, {their_product}, {their_rack}, 1)",
    "a balance that goes over to them": balance("tenant_id = {their_tenant}"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_the_serving_role_may_not(hand: Hand, what: str) -> None:
    assert type(await hand.refused(FORBIDDEN[what])) is InsufficientPrivilegeError


@pytest.mark.parametrize("table", ["stock_levels", "line_items", "reservations", "orders"])
async def test_their_rows_are_not_there_to_be_changed(hand: Hand, table: str) -> None:
    theirs = "WHERE tenant_id = {their_tenant}"
    assert await hand.write(f"UPDATE {table} SET created_at = now() {theirs}") == "UPDATE 0"
    assert await hand.write(f"DELETE FROM {table} {theirs}") == "DELETE 0"
    assert await hand.write(f"UPDATE {table} SET created_at = now()") == "UPDATE 1"


QUANTITIES = {
    "balance": balance("on_hand = {number}"),
    "reserved": balance("reserved = {number}"),
    "new balance": LEVEL + "({tenant}, {new}, {product}, {rack}, {number}, 0)",
    "move": MOVE + "({tenant}, {new}, {product}, {shelf}, {rack}, {number}, NULL, 'x', 'x')",
    "reservation": RESERVE + "({tenant}, {new}, {line}, {product}, {rack}, {number})",
    "ordered": progress("quantity = {number}"),
    "shipped": progress("shipped = {number}"),
    "returned": progress("returned = {number}"),
    "cancelled": progress("cancelled = {number}"),
    "line's total": progress("total = {number}"),
    "line's price": progress("unit_price = {number}"),
}


@pytest.mark.parametrize("number", ["'Infinity'", "'-Infinity'", "1e14", "-1e14"])
@pytest.mark.parametrize("quantity", QUANTITIES)
async def test_no_number_is_without_bounds(hand: Hand, quantity: str, number: str) -> None:
    statement = QUANTITIES[quantity].replace("{number}", number)
    assert type(await hand.refused(statement)) is NumericValueOutOfRangeError


# These pass today: their CHECKs have no upper bound (quantity > 0), and NaN is above it.


@pytest.mark.parametrize("quantity", QUANTITIES)
async def test_no_number_is_no_number(hand: Hand, quantity: str) -> None:
    """PostgreSQL holds NaN for greater than every number: a balance of it would never be used up."""
    statement = QUANTITIES[quantity].replace("{number}", "'NaN'")
    assert type(await hand.refused(statement)) is CheckViolationError
