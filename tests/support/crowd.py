"""Many clients at once, each a request of its own, and what each of them was told."""

import asyncio
import random
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from core.money import decimal_text
from tests.support.clerk import ERRORS, Clerk

T = TypeVar("T")

PATIENT = 60.0
"""Seconds. A busy machine may be slow; that is no reason to turn a client away here."""

_ORDER = """order { id number version status subtotal { amount }
    lineItems(first: 10) { nodes { id quantity reservedQuantity shippedQuantity total { amount } } } }"""
_STOCK = "moves { id }"


class Told(NamedTuple):
    """What a client was told: the ``order`` that was made or changed, or the ``problems``."""

    order: Any
    problems: list[dict[str, Any]]

    @property
    def done(self) -> bool:
        return not self.problems

    @property
    def codes(self) -> set[str]:
        return {problem["code"] for problem in self.problems}

    @property
    def lines(self) -> list[Any]:
        found: list[Any] = self.order["lineItems"]["nodes"]
        return found


async def tell(clerk: Clerk, field: str, given: Mapping[str, Any]) -> Told:
    """Send a command. A deadlock, a fault or a busy database would be an error: there is none."""
    type_, payload = f"{field[0].upper()}{field[1:]}Input", _STOCK if field.startswith("stock") else _ORDER
    query = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {payload} {ERRORS} }} }}"
    answer = await clerk.ask(query, {"input": given})
    assert not answer.errors, (answer.errors, answer.errors[0].original_error)
    told = answer.data[field]
    return Told(told.get("order"), told["userErrors"])


async def buy(clerk: Clerk, lines: Iterable[tuple[Any, str]], **given: Any) -> Told:
    """Order so much of these products, and have it reserved."""
    named = [clerk.line(product, quantity=quantity) for product, quantity in lines]
    return await tell(clerk, "orderCreate", clerk.ordering(named, confirm=True, **given))


async def at_once(dice: random.Random, clients: Sequence[Awaitable[T]]) -> list[T]:
    """What came of them all, in their order. Which of them starts first, the dice tell."""
    shuffled = [*enumerate(clients)]
    dice.shuffle(shuffled)
    answers = await asyncio.gather(*(client for _, client in shuffled))
    return [answer for _, answer in sorted(zip((index for index, _ in shuffled), answers, strict=True))]


def sums(balances: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """What is on hand and reserved in all, of the balances that ``Clerk.stock`` tells."""
    columns = zip(*balances, strict=True)
    on_hand, reserved = (decimal_text(sum(map(Decimal, column), Decimal())) for column in columns)
    return on_hand, reserved
