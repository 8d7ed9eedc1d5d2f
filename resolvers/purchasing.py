"""What a purchase order's state says, and what is to be ordered again."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from core import ids
from core.errors import BadInput
from core.money import SCALE, decimal_text
from core.purchasing import available_actions
from core.reordering import arrival, reason, wanted
from execution import Batch
from loaders import purchasing as loaders
from loaders.kit.filters import text_value
from loaders.kit.one import One

MAX_PROPOSALS = 500


async def actions(batch: Batch) -> list[list[str]]:
    """From the table of transitions that the mutations use."""
    found = await loaders.ProgressOfPurchase.of(batch.context).load_level(batch.column("id"))
    returnable = [row is not None and row["returnable"] for row in found]
    return [
        available_actions(status, returnable=each)
        for status, each in zip(batch.column("status"), returnable, strict=True)
    ]


SETTINGS = {"over_receipt_percent": "0", "price_tolerance_percent": "0", "price_tolerance_amount": "0", "version": 1}
"""Those of a tenant that has set nothing."""


def settings(tenant: Callable[[Batch], Sequence[UUID | None]]) -> Any:
    """The resolver of a tenant's tolerances; ``tenant`` says whose, for each source."""

    async def resolve(batch: Batch) -> list[Any]:
        whose = tenant(batch)
        found = await loaders.SettingsOfTenant.of(batch.context, (*SETTINGS,)).load_level(whose)
        return [row or (SETTINGS if each else None) for row, each in zip(found, whose, strict=True)]

    return resolve


class Proposal(dict[str, Any]):
    """What a rule would have ordered now, to be read as a row is."""


def proposals(suppliers: dict[str, type[One]]) -> Any:
    """The resolver of what is to be ordered again. ``suppliers``: how a partner is found, by each of its keys."""

    async def resolve(batch: Batch) -> list[list[Proposal]]:
        first, given = batch.args["first"], batch.args.get("supplier")
        if not 0 <= first <= MAX_PROPOSALS:
            raise BadInput(f"first must be between 0 and {MAX_PROPOSALS}.", path=("first",))
        warehouse, supplier = _warehouse(batch.args.get("warehouse")), None
        if given is not None:
            ((name, value),) = given.items()
            [partner] = await suppliers[name].of(batch.context, ("id",)).load_level([_key(name, value)])
            if partner is None:
                return [[]]
            supplier = partner["id"]
        rows = await loaders.proposals(batch.context, warehouse, supplier, first)
        return [[_proposal(row) for row in rows]]

    return resolve


def _warehouse(given: str | None) -> UUID | None:
    if given is None:
        return None
    try:
        return ids.decode("wh", given)
    except BadInput as error:
        raise error.below("warehouse") from None


def _key(name: str, given: str) -> Any:
    """A partner's key, as its column has it."""
    try:
        return ids.decode("par", given) if name == "id" else text_value(given)
    except BadInput as error:
        raise error.below("supplier", name) from None


def _proposal(row: Any) -> Proposal:
    found, expected = wanted(row), None
    if row["lead_days"] is not None:
        expected = arrival(row["now"], row["timezone"], row["lead_days"]).isoformat()
    more = {"expected_on": expected, "problem": found.problem, "unit": found.unit}
    more |= {"reason": reason(row["projected"], row["point"], row["own_unit"])}
    price = None if found.price is None else f"{found.price:.{SCALE}f}"  # as PostgreSQL writes it
    counts = {name: decimal_text(row[name]) for name in ("available", "waiting", "incoming", "drafted", "projected")}
    return Proposal(
        row.items(), **more | counts, price=price, currency=found.currency, quantity=decimal_text(found.quantity)
    )
