"""Rules of ordering again: how many, when it would come, and why."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import auto
from zoneinfo import ZoneInfo

from core.choices import Choice
from core.money import LIMIT, decimal_text, line_total


class ReplenishmentProblem(Choice):
    """What keeps a proposal from becoming a line of a draft."""

    NO_SUPPLIER = auto(), "Nobody who may deliver it is known: see productSupplierUpsert."
    NO_PRICE = auto(), "The supplier has no price for it."
    TOO_MUCH = auto(), "It is more than a purchase order can have."


def quantity_to_order(projected: Decimal, target: Decimal, minimum: Decimal, multiple: Decimal) -> Decimal:
    """How many to order: up to the target, at least the supplier's minimum, and in its multiples. Exact decimals."""
    wanted = max(target - projected, minimum)
    short = wanted % multiple
    return wanted + multiple - short if short else wanted


def arrival(now: datetime, timezone: str, days: int) -> date:
    """The day when something comes that is ordered now and takes so many days, where the tenant is."""
    return now.astimezone(ZoneInfo(timezone)).date() + timedelta(days=days)


def problem_of(
    quantity: Decimal, *, supplier: object, price: Decimal | None, currency: str | None
) -> ReplenishmentProblem | None:
    """What keeps this from being ordered, if anything does."""
    if supplier is None:
        return ReplenishmentProblem.NO_SUPPLIER
    if price is None or currency is None:
        return ReplenishmentProblem.NO_PRICE
    if quantity >= LIMIT or line_total(quantity, price, currency) >= LIMIT:
        return ReplenishmentProblem.TOO_MUCH
    return None


def reason(projected: Decimal, point: Decimal, unit: str) -> str:
    """Why it is to be ordered, for people."""
    return f"{decimal_text(projected)} {unit} are projected, fewer than the reorder point of {decimal_text(point)}."
