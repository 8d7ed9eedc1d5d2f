"""Random commands about lots and baskets: nothing is promised or sent that may not be, and the books are right. And it finds
what is wrong.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from core.inventory import Place
from db.runtime.engine import Database
from services.inventory import holding, lots, stock
from tests.support.desk import Desk
from tests.support.lot_machine import LotMachine
from tests.support.postgres import TestServer

EXAMPLES, STEPS = 8, 20
COMMANDS = {"stockAdjust", "stockHold", "orderCreate", "orderShip", "orderCancel", "shipmentCancel", "lotUpdate"}


@pytest.fixture(scope="module")
def machine(server: TestServer) -> Iterator[type[LotMachine]]:
    """The machine on a database of its own, and a loop of its own: hypothesis calls from plain functions."""
    loop = asyncio.new_event_loop()
    fresh = server.fresh()
    target = loop.run_until_complete(fresh.__aenter__())
    database = Database(target)
    loop.run_until_complete(database.open())
    admin = loop.run_until_complete(asyncpg.connect(target.admin))
    LotMachine.loop, LotMachine.desk = loop, Desk(target, database, admin)
    yield LotMachine
    loop.run_until_complete(admin.close())
    loop.run_until_complete(database.close())
    loop.run_until_complete(fresh.__aexit__(None, None, None))
    loop.close()


def run(machine: type[LotMachine], examples: int, *phases: Phase) -> None:
    given = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=phases,
    )
    run_state_machine_as_test(machine, settings=given)


def test_nothing_is_promised_or_sent_that_may_not_be(machine: type[LotMachine]) -> None:
    machine.seen.clear()
    run(machine, EXAMPLES, Phase.generate, Phase.shrink)
    assert {field for field, code in machine.seen if code == "done"} == COMMANDS
    assert {code for _, code in machine.seen} >= {"INSUFFICIENT_STOCK", "INVALID_INPUT", "LOT_EXPIRED", "done"}


Patch = pytest.MonkeyPatch


def changed(of: Any, name: str, old: str, new: str) -> Callable[[Patch], None]:
    """A fault in a statement."""
    sql = getattr(of, name)
    assert old in sql
    return lambda patch: patch.setattr(of, name, sql.replace(old, new))


def put(of: Any, name: str, value: Any) -> Callable[[Patch], None]:
    """A fault in a rule."""
    return lambda patch: patch.setattr(of, name, value)


async def nothing(*_: Any) -> None:
    """What is forgotten."""


async def none(*_: Any) -> dict[UUID, Any]:
    """Nothing stands against a lot."""
    return {}


FAULTS: dict[str, Callable[[Patch], None]] = {
    "what is expired or blocked is promised": changed(stock, "_PLACES", stock.SELLABLE, "true"),
    "what is blocked is sent": put(lots, "unsellable", none),
    "any lot goes first": put(Place, "turn", property(lambda _: (date.max, UUID(int=0)))),
    "a serial number is in two places": put(lots, "check_pieces", nothing),
    "a balance doesn't learn that its lot is blocked": changed(lots, "_CHANGE", "'-infinity'", "NULL"),
    "a basket lets go of any lot": changed(
        holding,
        "_FREE",
        "s.lot_id IS NOT DISTINCT FROM g.lot_id",
        "s.id = (SELECT min(id::text)::uuid FROM stock_levels"
        " o WHERE o.tenant_id = $1 AND (o.product_id, o.location_id) = (g.product_id, g.location_id))",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(machine: type[LotMachine], monkeypatch: Patch, fault: str) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run(machine, 30, Phase.generate)
