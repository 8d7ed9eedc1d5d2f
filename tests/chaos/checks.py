"""What the clients' history must say of the rows that it left, and the rows of the history.

A command that was answered ok, or whose payload alone couldn't be read, is there, once; one that was refused
or failed is not; one in doubt is there at most once. ``test_checks.py`` shows that each check finds a planted fault.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from tests.chaos.load import Command, Outcome

History = Sequence[Command]

EVENTS = {
    "orderShip": "order.shipped",
    "shipmentCancel": "order.shipment_cancelled",
    "orderUpdate": "order.updated",
    "orderCancel": "order.cancelled",
    "orderReturn": "order.returned",
}

_KEYS = """
    SELECT key, count(*), count(*) FILTER (WHERE jsonb_array_length(answer->'problems') = 0) AS effects
    FROM idempotency_keys WHERE tenant_id = $1 GROUP BY 1
"""
_MOVES = "SELECT id, quantity, line_item_id IS NOT NULL AS ordered FROM stock_moves WHERE tenant_id = $1"
_ORDERS = "SELECT id, version, status FROM orders WHERE tenant_id = $1"
_LINES = "SELECT id, shipped, cancelled, returned FROM line_items WHERE tenant_id = $1"
_EVENTS = "SELECT type, subject_id, count(*) FROM events WHERE tenant_id = $1 GROUP BY 1, 2"


class Rows(NamedTuple):
    """What is in the tables after a run, by the ids that clients know."""

    keys: Mapping[str, tuple[int, int]]
    """How many rows each key has, and how many of them say that something was done."""
    moves: Mapping[str, tuple[Decimal, bool]]
    """How much each move moved, and whether it was for an order."""
    orders: Mapping[str, tuple[int, str]]
    """Each order's version and status."""
    lines: Mapping[str, tuple[Decimal, Decimal, Decimal]]
    """How much of each line was shipped, cancelled and returned."""
    events: Mapping[tuple[str, str], int]
    """How often what happened to which order."""


async def rows(connection: Any, tenant: UUID) -> Rows:
    keys, moves, orders, lines, events = [
        await connection.fetch(query, tenant) for query in (_KEYS, _MOVES, _ORDERS, _LINES, _EVENTS)
    ]
    return Rows(
        {key: (kept, effects) for key, kept, effects in keys},
        {ids.encode("mov", id_): (quantity, ordered) for id_, quantity, ordered in moves},
        {ids.encode("ord", id_): (version, status) for id_, version, status in orders},
        {ids.encode("lin", id_): (shipped, cancelled, returned) for id_, shipped, cancelled, returned in lines},
        {(kind, ids.encode("ord", id_)): times for kind, id_, times in events},
    )


def contradictions(history: History, there: Rows) -> list[str]:
    """All that the history and the rows don't agree on, and what is odd in the history itself."""
    return [
        *strange(history),
        *judged(history, there),
        *rising(history),
        *orders(history, there),
        *progress(history, there),
        *happened(history, there),
        *moves(history, there),
        *oversold(history, there),
    ]


def relevant(history: History, wrong: Sequence[str]) -> list[Command]:
    """The commands whose key or order is named by what is wrong."""
    said = " ".join(wrong)
    return [each for each in history if each.key in said or any(order in said for order in _named(each))]


def _named(command: Command) -> set[str]:
    made = (command.payload or {}).get("order") or {}
    return {order for order in (command.order, made.get("id")) if order}


# ---------------------------------------------------------------- of answers


def strange(history: History) -> Iterator[str]:
    """No fault of the network's or the database's is an excuse for these."""
    for command in history:
        yield from (f"{command.name} {command.key} was answered strangely: {answer}" for answer in command.strange)
        if len({str(_stable(answer)) for answer in command.answers}) > 1:
            yield f"{command.name} {command.key} was answered in different ways"


def _stable(payload: Any) -> Any:
    """What of an answer is the same for each repetition: the record may have changed since."""
    order = payload.get("order")
    return order and order["id"], payload.get("moves"), payload["userErrors"]


def judged(history: History, there: Rows) -> Iterator[str]:
    """What is kept under the keys agrees with what was answered."""
    allowed = {
        Outcome.OK: {(1, 1)},
        Outcome.REFUSED: {(1, 0)},
        Outcome.FAILED: {(0, 0)},
        Outcome.UNKNOWN: {(0, 0), (1, 0), (1, 1)},
    }
    for command in history:
        kept, effects = there.keys.get(command.key, (0, 0))
        may = allowed[command.outcome] & {(1, 1)} if command.carried_out else allowed[command.outcome]
        if (kept, effects) not in may:
            said = " and said to be carried out" if command.carried_out else ""
            yield (
                f"{command.name} {command.key} was {command.outcome.value}{said},"
                f" and is kept {kept} times with {effects} effects"
            )
    known = {command.key for command in history}
    yield from (f"key {key} is nobody's" for key in there.keys if key not in known)


# ---------------------------------------------------------------- of orders


def _answered(history: History, *names: str) -> Iterator[tuple[Command, Any]]:
    """Commands of these names that were carried out, with their orders."""
    return (
        (command, command.payload["order"])
        for command in history
        if command.outcome is Outcome.OK and command.name in names
    )


def rising(history: History) -> Iterator[str]:
    """Who changes an order sees its version rise: only one client has it, and it sends one command after another."""
    seen: dict[str, int] = {}
    for command, order in _answered(history, "orderCreate", *EVENTS):
        if order["version"] <= seen.get(order["id"], 0):
            yield f"{command.name} {command.key} left {order['id']} at version {order['version']}, as it had been"
        seen[order["id"]] = order["version"]


def orders(history: History, there: Rows) -> Iterator[str]:
    """Each order that was answered is there, at least of that version, and no others are but those in doubt."""
    made = {order["id"] for _, order in _answered(history, "orderCreate")}
    for command, order in _answered(history, "orderCreate", *EVENTS):
        version, _ = there.orders.get(order["id"], (0, ""))
        if version < order["version"]:
            yield f"{order['id']} of {command.key} was answered with version {order['version']}, and is of {version}"
    doubtful = sum(each.name == "orderCreate" and each.outcome is Outcome.UNKNOWN for each in history)
    if len(unknown := there.orders.keys() - made) > doubtful:
        yield f"{len(unknown)} orders were made that nobody knows of, and {doubtful} are in doubt: {sorted(unknown)}"


def progress(history: History, there: Rows) -> Iterator[str]:
    """An order is as its last command left it, unless one came later whose effect is in doubt."""
    last: dict[str, tuple[Command, Any] | None] = {}
    for command in history:
        if command.outcome is Outcome.OK and "order" in command.payload:
            last[command.payload["order"]["id"]] = (command, command.payload["order"])
        elif command.outcome is Outcome.UNKNOWN and command.name in EVENTS:
            last[command.order or ""] = None
    for command, order in filter(None, last.values()):
        status = there.orders.get(order["id"], (0, ""))[1]
        lines = {
            line["id"]: tuple(Decimal(line[f"{part}Quantity"]) for part in ("shipped", "cancelled", "returned"))
            for line in order["lineItems"]["nodes"]
        }
        if status != order["status"] or any(there.lines.get(line) != value for line, value in lines.items()):
            yield f"{order['id']} isn't as {command.key} left it"


def happened(history: History, there: Rows) -> Iterator[str]:
    """Each order's events of a kind are as many as its commands of that kind, those in doubt or not."""
    sure: Counter[tuple[str, str]] = Counter()
    doubtful: Counter[tuple[str, str]] = Counter()
    for command in history:
        if command.name in EVENTS:
            place = (EVENTS[command.name], command.order or "")
            sure[place] += command.outcome is Outcome.OK
            doubtful[place] += command.outcome is Outcome.UNKNOWN
    for place in sure.keys() | {place for place in there.events if place[0] in EVENTS.values()}:
        times = there.events.get(place, 0)
        if not sure[place] <= times <= sure[place] + doubtful[place]:
            yield (
                f"{place[0]} happened {times} times to {place[1]}:"
                f" {sure[place]} were answered, {doubtful[place]} are in doubt"
            )


# ---------------------------------------------------------------- of stock


def moves(history: History, there: Rows) -> Iterator[str]:
    """Each move that was answered is there with its quantity, and no others are but those in doubt and orders' own."""
    answered: set[str] = set()
    doubtful: Counter[Decimal] = Counter()
    for command in history:
        for move in (command.payload or {}).get("moves") or ():
            if move["id"] in answered:
                yield f"move {move['id']} of {command.key} was answered to another command, too"
            answered.add(move["id"])
            if there.moves.get(move["id"]) != (Decimal(move["quantity"]), False):
                yield f"move {move['id']} of {command.key} isn't there as it was answered"
        if command.outcome is Outcome.UNKNOWN and command.name.startswith("stock"):
            doubtful.update(abs(Decimal(line.get("delta") or line["quantity"])) for line in command.given["lines"])
    others = {id_: moved for id_, (moved, ordered) in there.moves.items() if not ordered and id_ not in answered}
    if more := Counter(others.values()) - doubtful:
        yield f"goods were moved that nobody knows of: {dict(more)}, among {sorted(others)}"


def oversold(history: History, there: Rows) -> Iterator[str]:
    """No more left than there ever was: the opening stock, and all that was ever added or came back."""
    added = Decimal()
    for command in history:
        if command.name == "stockAdjust" and command.outcome in {Outcome.OK, Outcome.UNKNOWN}:
            added += sum((max(Decimal(line["delta"]), Decimal()) for line in command.given["lines"]), Decimal())
    shipped = sum((line[0] for line in there.lines.values()), Decimal())
    returned = sum((line[2] for line in there.lines.values()), Decimal())
    if shipped > added + returned:
        yield f"{shipped} were shipped, and there were never more than {added + returned}"
