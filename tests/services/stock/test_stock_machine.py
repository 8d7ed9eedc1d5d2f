"""Random commands against a model of the rules: what each leaves is what the model says, and the books are right.

``ERPGRAPH_FUZZ=…`` runs so many examples, others each time.
"""

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase

from core import allocation
from core.allocation import allocate
from core.inventory import STALE_STOCK, Allocation, Demand
from core.problems import Problems
from services.inventory import changes, stock
from services.sales import fulfilment, orders, promises, shipments, shipping
from tests.support.machines import Patch, changed, nothing, prepared, put, run
from tests.support.postgres import TestServer
from tests.support.stock_machine import StockMachine

pytestmark = pytest.mark.one_server

FUZZ = int(os.environ.get("ERPGRAPH_FUZZ", "0"))
EXAMPLES, STEPS = 30, 40


@pytest.fixture(scope="module")
def machine(server: TestServer) -> Iterator[type[StockMachine]]:
    with prepared(StockMachine, server) as ready:
        yield ready


COMMANDS = {"orderCreate", "orderConfirm", "orderUpdate", "orderShip", "orderCancel", "orderReturn"} | {
    "orderReserve",
    "shipmentCancel",
    *("stockAdjust", "stockSet", "stockTransfer"),
}
CODES = {"INSUFFICIENT_STOCK", "INVALID_INPUT", "INVALID_TRANSITION", "STALE_STOCK", "VERSION_CONFLICT"}


def test_what_commands_do_is_what_the_model_says(machine: type[StockMachine]) -> None:
    machine.seen.clear()
    run(machine, FUZZ or EXAMPLES, STEPS, Phase.generate, Phase.shrink, same=not FUZZ)
    # Enough was tried: each command was carried out, and refused for each reason that there is.
    assert {field for field, code in machine.seen if code == "done"} == COMMANDS
    assert {code for _, code in machine.seen} == CODES | {"done"}


# ---------------------------------------------------------------- it finds what is wrong


def nothing_stands(*_: Any) -> None:
    """Nothing stands against a command."""


def each_alone(demands: list[Demand], places: Any, rule: str | None = None) -> Allocation:
    """Lines of one product are not summed."""
    alone = [allocate([demand], places, rule) for demand in demands]
    waiting = {line: left for each in alone for line, left in each.waiting.items()}
    return Allocation([hold for each in alone for hold in each.holds], waiting)


def blind(problems: Problems, code: str, message: str, *path: str | int, **facts: Any) -> None:
    """What was expected of a balance is not looked at."""
    if code != STALE_STOCK:
        problems_add(problems, code, message, *path, **facts)


problems_add = Problems.add

FAULTS: dict[str, Callable[[Patch], None]] = {
    "what is cancelled stays reserved": changed(stock, "_RELEASE", "s.reserved - g.quantity", "s.reserved"),
    "who came last is served first": changed(promises, "_WAITING", "o.confirmed_at),", "o.confirmed_at) DESC,"),
    "goods that arrive are told to nobody": put(stock, "arrived", nothing),
    "who gets goods keeps his version": changed(promises, "_SERVED", "version + 1", "version"),
    "any goods may leave": put(changes, "_refuse_impossible", nothing),
    "what is scrapped is sold again": put(fulfilment, "_KINDS", fulfilment._KINDS | {"SCRAP": "INTERNAL"}),
    "what is reserved is cancelled first": put(orders.Line, "open", property(lambda _: Decimal(0))),
    "lines of one product are not summed": put(promises, "allocate", each_alone),
    "counts overwrite what they didn't see": put(Problems, "add", blind),
    "shipping leaves the goods": changed(stock, "_SHIP", "on_hand = s.on_hand - g.quantity,", ""),
    "an order is split though one warehouse has all of it": put(allocation, "DEFAULT", "MOST_FIRST"),
    "what is released is reserved again at once": changed(promises, "_WAITING", "WHEN $3", "WHEN $3 IS NOT NULL"),
    "goods of any warehouse will do": put(Demand, "fits", lambda *_: True),
    "what was shipped stays open": put(shipping, "status_after", lambda order, _: order.status),
    "quarantined goods are sold": changed(stock, "_PLACES", "l.kind = 'INTERNAL'", "l.kind <> 'TRANSIT'"),
    "more comes back than left": put(orders.Line, "returnable", property(lambda line: line.quantity)),
    "a shipment is cancelled whatever came back": put(shipments, "_refuse_impossible", nothing_stands),
    "a shipment is from where nobody said": changed(shipping, "_SHIPPED", "l.line, l.location", "l.line, $18[1]"),
    "a change is lost": changed(orders, "_RECORD", "version = version + 1, ", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(machine: type[StockMachine], monkeypatch: Patch, fault: str) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        run(machine, 60, STEPS, Phase.generate)
