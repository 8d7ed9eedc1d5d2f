"""Random commands about lots and baskets: nothing is promised or sent that may not be, and the books are right. And it finds
what is wrong.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase

from core.inventory import Place
from services.inventory import holding, lots, stock
from tests.support.lot_machine import LotMachine
from tests.support.machines import Patch, changed, nothing, prepared, put, run
from tests.support.postgres import TestServer

pytestmark = pytest.mark.one_server

EXAMPLES, STEPS = 8, 20
COMMANDS = {"stockAdjust", "stockHold", "orderCreate", "orderShip", "orderCancel", "shipmentCancel", "lotUpdate"}


@pytest.fixture(scope="module")
def machine(server: TestServer) -> Iterator[type[LotMachine]]:
    with prepared(LotMachine, server) as ready:
        yield ready


def test_nothing_is_promised_or_sent_that_may_not_be(machine: type[LotMachine]) -> None:
    machine.seen.clear()
    run(machine, EXAMPLES, STEPS, Phase.generate, Phase.shrink)
    assert {field for field, code in machine.seen if code == "done"} == COMMANDS
    assert {code for _, code in machine.seen} >= {"INSUFFICIENT_STOCK", "INVALID_INPUT", "LOT_EXPIRED", "done"}


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


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(machine: type[LotMachine], monkeypatch: Patch, fault: str) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run(machine, 30, STEPS, Phase.generate)
