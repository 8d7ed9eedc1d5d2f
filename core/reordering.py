"""Rules of ordering again: how many, when it would come, and why."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import auto
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from core.choices import Choice
from core.money import LIMIT, SCALE, decimal_text, line_total
from core.units import exact, factor, too_fine

ONE = Fraction(1)


class ReplenishmentProblem(Choice):
    """What keeps a proposal from becoming a line of a draft."""

    NO_SUPPLIER = auto(), "Nobody who may deliver it is known: see productSupplierUpsert."
    NO_PRICE = auto(), "The supplier has no price for it."
    TOO_MUCH = auto(), "It is more than a purchase order can have."
    NO_UNIT = (
        auto(),
        "The product no longer has the supplier's unit, or multiples of it don't come out in the product's own.",
    )


class Wanted(NamedTuple):
    """How many to order: in a unit, and in the product's own; what one of the unit costs; and what keeps it from being ordered,
    if anything does.
    """

    quantity: Decimal
    unit: str
    base: Decimal
    price: Decimal | None
    currency: str | None
    problem: ReplenishmentProblem | None


def wanted(row: Mapping[str, Any]) -> Wanted:
    """What a row of ``db.reordering`` comes to; in the product's own unit where the supplier's is of no use."""
    one, target, projected = factor(row["own_unit"], row["units"], row["unit"]), row["target"], row["projected"]
    if one is not None:
        quantity = quantity_to_order(projected, target, row["minimum"], row["multiple"], one)
        base = exact(Fraction(quantity) * one)
        if base is not None and not too_fine(base, row["decimals"]):
            price, currency = _asked(row, one)
            problem = problem_of(quantity, base, supplier=row["supplier_id"], price=price, currency=currency)
            return Wanted(quantity, row["unit"], base, price, currency, problem)
    return Wanted(target - projected, row["own_unit"], target - projected, None, None, ReplenishmentProblem.NO_UNIT)


def _asked(row: Mapping[str, Any], one: Fraction) -> tuple[Decimal | None, str | None]:
    """What one of the supplier's unit costs: by its list, which is of the product's own, else by its terms."""
    if row["listed"] is None:
        return row["price"], row["currency"]
    price = exact(Fraction(row["listed"]) * one)
    return price, None if price is None else row["list_currency"]


def quantity_to_order(
    projected: Decimal, target: Decimal, minimum: Decimal, multiple: Decimal, one: Fraction = ONE
) -> Decimal:
    """How many to order of a unit, of which one is so many of the product's own: up to the target, at least the supplier's minimum,
    and in its multiples. Exact decimals.
    """
    short = Fraction(target) - Fraction(projected)
    times = ceil(max(short / one, Fraction(minimum)) / Fraction(multiple))
    with localcontext(prec=10 * SCALE):
        return times * multiple


def arrival(now: datetime, timezone: str, days: int) -> date:
    """The day when something comes that is ordered now and takes so many days, where the tenant is."""
    return now.astimezone(ZoneInfo(timezone)).date() + timedelta(days=days)


def problem_of(
    quantity: Decimal, base: Decimal, *, supplier: object, price: Decimal | None, currency: str | None
) -> ReplenishmentProblem | None:
    """What keeps this from being ordered, if anything does."""
    if supplier is None:
        return ReplenishmentProblem.NO_SUPPLIER
    if price is None or currency is None:
        return ReplenishmentProblem.NO_PRICE
    if max(quantity, base) >= LIMIT or line_total(quantity, price, currency) >= LIMIT:
        return ReplenishmentProblem.TOO_MUCH
    return None


def reason(projected: Decimal, point: Decimal, unit: str) -> str:
    """Why it is to be ordered, for people."""
    return f"{decimal_text(projected)} {unit} are projected, fewer than the reorder point of {decimal_text(point)}."
