"""Each check of a history finds what it is for: a planted fault is named, and a sound history isn't: a check
that finds nothing proves nothing. ``test_invariants.py`` does the same with rows of a real database.
"""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from tests.chaos import checks
from tests.chaos.checks import Rows
from tests.chaos.load import Command, Outcome, Shop, note
from tests.chaos.watch import judge

MOVE = "mov_" + "1" * 32


def order(version: int, status: str = "CLOSED", **parts: Any) -> dict[str, Any]:
    line = {"id": "lin_1", "shippedQuantity": "1", "cancelledQuantity": "0", "returnedQuantity": "0"}
    return {"order": {"id": "ord_1", "version": version, "status": status, "lineItems": {"nodes": [line | parts]}}}


def command(name: str, outcome: Outcome, *answers: Any, **given: Any) -> Command:
    told = [{"userErrors": []} | answer for answer in answers]
    about = given.get("order", {}).get("id")
    return Command(f"{name}-{outcome.name}", name, given, order=about, outcome=outcome, answers=told, attempts=1)


CREATED = command("orderCreate", Outcome.OK, order(2))
SHIPPED = command("orderShip", Outcome.OK, order(3), order={"id": "ord_1"})
MOVES = {"moves": [{"id": MOVE, "quantity": "5"}]}
ADJUSTED = command("stockAdjust", Outcome.OK, MOVES, lines=[{"delta": "5"}, {"delta": "-1"}])
REFUSED = command("orderCancel", Outcome.REFUSED, {"userErrors": [{"code": "X"}]}, order={"id": "ord_1"})
FAILED = command("stockTransfer", Outcome.FAILED)
DOUBTFUL = command("orderReturn", Outcome.UNKNOWN, order={"id": "ord_2"}, lineItems=[{}])
MAYBE_MOVED = command("stockTransfer", Outcome.UNKNOWN, lines=[{"quantity": "7"}])
HISTORY = [CREATED, SHIPPED, ADJUSTED, REFUSED, FAILED, DOUBTFUL, MAYBE_MOVED]

ONE = (Decimal(1), Decimal(), Decimal())
SOUND = Rows(
    {CREATED.key: (1, 1), SHIPPED.key: (1, 1), ADJUSTED.key: (1, 1), REFUSED.key: (1, 0)},
    {MOVE: (Decimal(5), False), "of an order": (Decimal(1), True)},
    {"ord_1": (3, "CLOSED")},
    {"lin_1": ONE},
    {("order.created", "ord_1"): 1, ("order.shipped", "ord_1"): 1},
)


def test_a_sound_history_is_sound() -> None:
    assert checks.contradictions(HISTORY, SOUND) == []


def test_what_is_in_doubt_may_have_happened() -> None:
    there = deepcopy(SOUND)._replace(
        keys=SOUND.keys | {DOUBTFUL.key: (1, 1), MAYBE_MOVED.key: (1, 1)},  # type: ignore[operator]  # a Mapping to mypy, a dictionary here
        events=SOUND.events | {("order.returned", "ord_2"): 1},  # type: ignore[operator]  # a Mapping to mypy, a dictionary here
        moves=SOUND.moves | {"other": (Decimal(7), False)},  # type: ignore[operator]  # a Mapping to mypy, a dictionary here
    )
    # The same key stands for two commands here: what is kept under it may be either's.
    history = [each for each in HISTORY if each is not FAILED]
    assert checks.contradictions(history, there) == []


@pytest.mark.parametrize(
    "key, kept, words",
    [
        (CREATED.key, (0, 0), "orderCreate-OK was ok"),
        (CREATED.key, (1, 0), "orderCreate-OK was ok"),
        (SHIPPED.key, (2, 2), "orderShip-OK was ok"),
        (REFUSED.key, (1, 1), "orderCancel-REFUSED was refused"),
        (REFUSED.key, (0, 0), "orderCancel-REFUSED was refused"),
        (FAILED.key, (1, 1), "stockTransfer-FAILED was failed"),
        (DOUBTFUL.key, (2, 2), "orderReturn-UNKNOWN was unknown"),
        ("x", (1, 0), "key x is nobody's"),
    ],
    ids=[
        "lost",
        "refused though ok",
        "doubled",
        "refused and done",
        "refused and lost",
        "failed and done",
        "doubtful and doubled",
        "nobody's",
    ],
)
def test_a_key_with_another_effect_than_was_answered_is_found(key: str, kept: tuple[int, int], words: str) -> None:
    there = SOUND._replace(keys={**SOUND.keys, key: kept})
    [wrong] = checks.contradictions(HISTORY, there)
    assert words in wrong


@pytest.mark.parametrize("kept", [(0, 0), (1, 0), (2, 2)], ids=["lost", "refused", "doubled"])
def test_what_was_carried_out_and_not_read_is_there_once(kept: tuple[int, int]) -> None:
    unread = command("stockAdjust", Outcome.UNKNOWN, lines=[])
    unread.carried_out = True
    assert [*checks.judged([unread], SOUND._replace(keys={unread.key: (1, 1)}))] == []
    [wrong] = checks.judged([unread], SOUND._replace(keys={unread.key: kept}))
    assert "stockAdjust-UNKNOWN was unknown and said to be carried out" in wrong


def test_what_was_carried_out_and_refused_later_is_found() -> None:
    refused = deepcopy(REFUSED)
    refused.carried_out = True
    assert all([*checks.judged([refused], SOUND._replace(keys={REFUSED.key: kept}))] for kept in ((1, 0), (1, 1)))


@pytest.mark.parametrize(
    "answers, strange, words",
    [
        ((order(2), {"order": {"id": "ord_2"}}), [], "was answered in different ways"),
        ((order(2),), ["no answer in 8.0 s"], "was answered strangely: no answer in 8.0 s"),
    ],
    ids=["two answers", "a strange one"],
)
def test_answers_that_no_fault_explains_are_found(answers: tuple[Any, ...], strange: list[str], words: str) -> None:
    odd = command("orderCreate", Outcome.OK, *answers)
    odd.strange = strange
    [wrong] = checks.contradictions([odd, *HISTORY[1:]], SOUND)
    assert wrong.endswith(words)


CHANGES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "a lost order": (
        lambda rows: rows._replace(orders={}, lines={}),
        "ord_1 of orderCreate-OK was answered with version 2, and is of 0",
    ),
    "a lost change": (lambda rows: rows._replace(orders={"ord_1": (2, "CLOSED")}), "is of 2"),
    "an order of nobody": (
        lambda rows: rows._replace(orders={**rows.orders, "ord_9": (1, "DRAFT")}),
        "1 orders were made that nobody knows of, and 0 are in doubt: ['ord_9']",
    ),
    "another state": (
        lambda rows: rows._replace(orders={"ord_1": (3, "CANCELLED")}),
        "ord_1 isn't as orderShip-OK left it",
    ),
    "another quantity": (
        lambda rows: rows._replace(lines={"lin_1": (Decimal(1), Decimal(1), Decimal())}),
        "ord_1 isn't as orderShip-OK left it",
    ),
    "shipped twice": (
        lambda rows: rows._replace(events={**rows.events, ("order.shipped", "ord_1"): 2}),
        "order.shipped happened 2 times to ord_1: 1 were answered, 0 are in doubt",
    ),
    "never shipped": (
        lambda rows: rows._replace(events={}),
        "order.shipped happened 0 times to ord_1: 1 were answered, 0 are in doubt",
    ),
    "returned twice where once is in doubt": (
        lambda rows: rows._replace(events={**rows.events, ("order.returned", "ord_2"): 2}),
        "order.returned happened 2 times to ord_2: 0 were answered, 1 are in doubt",
    ),
    "cancelled though refused": (
        lambda rows: rows._replace(events={**rows.events, ("order.cancelled", "ord_1"): 1}),
        "order.cancelled happened 1 times to ord_1: 0 were answered, 0 are in doubt",
    ),
    "a lost move": (lambda rows: rows._replace(moves={}), "isn't there as it was answered"),
    "another move": (lambda rows: rows._replace(moves={MOVE: (Decimal(6), False)}), "isn't there as it was answered"),
    "a doubled move": (
        lambda rows: rows._replace(moves={**rows.moves, "other": (Decimal(5), False)}),
        "goods were moved that nobody knows of: {Decimal('5'): 1}, among ['other']",
    ),
    "oversold": (
        lambda rows: rows._replace(lines={"lin_1": ONE, "lin_2": (Decimal("4.5"), Decimal(), Decimal())}),
        "5.5 were shipped, and there were never more than 5",
    ),
}


@pytest.mark.parametrize("change, words", CHANGES.values(), ids=CHANGES)
def test_rows_that_contradict_the_history_are_found(change: Callable[[Rows], Rows], words: str) -> None:
    assert any(wrong.endswith(words) for wrong in checks.contradictions(HISTORY, change(SOUND)))


def test_a_version_that_does_not_rise_is_found() -> None:
    again = command("orderShip", Outcome.OK, order(2), order={"id": "ord_1"})
    assert [*checks.rising([CREATED, again])] == ["orderShip orderShip-OK left ord_1 at version 2, as it had been"]


UNDONE = command("shipmentCancel", Outcome.OK, order(4, "CONFIRMED", shippedQuantity="0"), shipment="shp_1")
UNDONE.order = "ord_1"
EDITED = command(
    "orderUpdate", Outcome.OK, order(5, "CANCELLED", shippedQuantity="0", cancelledQuantity="1"), order={"id": "ord_1"}
)
LATER_ON = SOUND._replace(
    keys={**SOUND.keys, UNDONE.key: (1, 1), EDITED.key: (1, 1)},
    orders={"ord_1": (5, "CANCELLED")},
    lines={"lin_1": (Decimal(), Decimal(1), Decimal())},
    events={**SOUND.events, ("order.shipment_cancelled", "ord_1"): 1, ("order.updated", "ord_1"): 1},
)


@pytest.mark.parametrize(
    "event, words",
    [
        (None, []),
        ("order.shipment_cancelled", ["order.shipment_cancelled happened 2 times to ord_1"]),
        ("order.updated", ["order.updated happened 2 times to ord_1"]),
    ],
)
def test_shipments_undone_and_orders_edited_are_followed(event: str | None, words: list[str]) -> None:
    more = {(event, "ord_1"): 2} if event else {}
    there = LATER_ON._replace(events={**LATER_ON.events, **more})
    wrong = checks.contradictions([*HISTORY, UNDONE, EDITED], there)
    assert [each.partition(":")[0] for each in wrong] == words


def test_one_move_answered_to_two_commands_is_found() -> None:
    twice = Command("again", "stockAdjust", ADJUSTED.given, outcome=Outcome.OK, answers=ADJUSTED.answers)
    [wrong] = checks.moves([ADJUSTED, twice], SOUND)
    assert wrong.endswith("was answered to another command, too")


def error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


@pytest.mark.parametrize(
    "answer, attempts, outcome, odd",
    [
        (error("UNAVAILABLE", "Away. Nothing was done; try again."), 1, Outcome.FAILED, False),
        (error("UNAVAILABLE", "Away. Nothing was done; try again."), 2, Outcome.UNKNOWN, False),
        (error("UNAVAILABLE", "Whether this was stored is not known."), 1, Outcome.UNKNOWN, False),
        (error("INTERNAL_SERVER_ERROR", "Something went wrong."), 1, Outcome.UNKNOWN, True),
        ({"data": {"orderShip": {"userErrors": [{}]}}}, 1, Outcome.REFUSED, False),
        ({"data": {"orderShip": {"userErrors": []}}}, 3, Outcome.OK, False),
        ({"data": {"orderShip": {"userErrors": [], "order": None}}}, 1, Outcome.UNKNOWN, True),
    ],
)
def test_what_a_client_knows_after_an_answer(answer: Any, attempts: int, outcome: Outcome, odd: bool) -> None:
    asked = Command("key", "orderShip", {}, attempts=attempts)
    note(asked, answer)
    assert (asked.outcome, bool(asked.strange)) == (outcome, odd)


def test_a_reader_is_asked_for_what_was_told_with_its_position() -> None:
    """Positions are compared as numbers, and a version without one is asked of nobody."""
    shop = Shop(None, None, [], [])  # type: ignore[arg-type]  # neither is asked
    for version, position in ((3, "0/FFFFFFF0"), (2, "1/0"), (9, "")):
        sent = {"nodes": [{"id": f"shp_{version}"}]}
        command = Command("k", "orderShip", {}, answers=[{"order": {"id": "o", "version": version, "shipments": sent}}])
        shop.learn(command, {"x-read-after": position} if position else {})
    shop.learn(Command("k", "stockAdjust", {}, answers=[{"moves": []}]), {"x-read-after": "0/1"})
    assert (shop.stored, shop.versions) == ("1/0", {"o": 3})
    assert [shop.about({"shipment": each}) for each in ("shp_3", "shp_9", "shp_1")] == ["o", "o", None]
    assert shop.about({"order": {"id": "p"}}) == "p"


def test_who_lets_go_of_nothing_is_told_so() -> None:
    """Of any other command, an answer without its record is strange."""
    for lines, odd in (([], False), ([{"quantity": "1"}], True)):
        asked = Command("key", "stockHold", {"lines": lines}, attempts=1)
        note(asked, {"data": {"stockHold": {"hold": None, "userErrors": []}}})
        assert (asked.outcome is Outcome.OK, bool(asked.strange)) == (not odd, odd)


def test_a_client_knows_of_a_command_that_was_carried_out_and_not_read() -> None:
    asked = Command("key", "orderShip", {}, outcome=Outcome.FAILED, attempts=2)
    note(asked, error("DONE_NOT_READ", "This was carried out."))
    assert (asked.outcome, asked.carried_out, asked.strange) == (Outcome.UNKNOWN, True, [])
    note(asked, {"data": {"orderShip": {"userErrors": []}}})
    note(asked, error("DONE_NOT_READ", "This was carried out."))
    assert (asked.outcome, asked.carried_out, len(asked.answers)) == (Outcome.OK, True, 1)


LATER, LONG_AGO = "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
GOOD, BLOCKED = {"blocked": False, "expiresOn": "2999-01-31"}, {"blocked": True, "expiresOn": None}
OVER = {"blocked": False, "expiresOn": "2020-01-31"}


def seen(version: int = 2, *, more: bool = False, hold: Any = None, level: Any = None, **stock: str) -> Any:
    """What a look may see: an order that has 3 of 4 reserved. ``stock`` and ``level``: what is otherwise of the product and of its
    one balance.
    """
    product = {"product": {"sku": "P"}}
    orders = [{"id": "ord_1", "version": version, "lineItems": {"nodes": [product | {"reservedQuantity": "3"}]}}]
    there = {"onHand": "4", "reserved": "3", "available": "1"} | stock
    return {
        "data": {
            "orders": {"pageInfo": {"hasNextPage": more}, "nodes": orders},
            "products": {"nodes": [{"sku": "P", "stock": {"expired": "0"} | there}]},
            "stockLevels": {"nodes": [product | {"lot": None} | there | (level or {})]},
            "hold0": hold and {"expiresAt": hold, "lines": [product | {"quantity": "1"}]},
        }
    }


STOCK, BALANCE, UNCOUNTED = "P was seen with {", "P was seen with the balance {", "P was seen with {} reserved, and"


@pytest.mark.parametrize(
    "answer, words",
    [
        (seen(), []),
        (seen(reserved="2", available="2", more=True), []),
        (None, []),
        (seen(level={"lot": GOOD}), []),
        (seen(level={"lot": BLOCKED}, available="0", expired="4"), []),
        (seen(reserved="4", available="0", hold=LATER), []),
        (seen(hold=LONG_AGO), []),
        (seen(version=1), ["ord_1 was seen at version 2, and later at 1"]),
        (seen(available="2"), [BALANCE, STOCK]),
        (seen(available="0"), [BALANCE, STOCK]),
        (seen(reserved="5", available="-1"), [BALANCE, STOCK, UNCOUNTED.format(5)]),
        (seen(level={"lot": OVER}), [BALANCE, STOCK]),
        (seen(level={"lot": BLOCKED, "available": "0"}), [STOCK]),
        (seen(level={"onHand": "5", "available": "2"}), [STOCK]),
        (seen(reserved="2", available="2"), [UNCOUNTED.format(2)]),
        (seen(reserved="4", available="0"), [UNCOUNTED.format(4)]),
        (seen(hold=LATER), [UNCOUNTED.format(3)]),
        (error("INTERNAL_SERVER_ERROR", "x"), ["a look was answered strangely"]),
    ],
)
def test_what_is_seen_that_cannot_be_is_found(answer: Any, words: list[str]) -> None:
    wrong = judge(answer, {"ord_1": 2})
    assert [each[: len(said)] for each, said in zip(wrong, words, strict=True)] == words
