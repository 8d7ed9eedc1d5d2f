"""What came to a product's places and went from them over a time."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Select, Text, Uuid, and_, case, cast, func, not_, select, true
from sqlalchemy.orm import aliased

from core.money import decimal_text
from db.inventory import LOCATION_KINDS, Location, StockLevel, StockMove
from loaders.inventory import at_kind, is_own
from loaders.kit.base import Loader
from loaders.kit.many import parents
from loaders.kit.measures import EXACT
from loaders.kit.one import TENANT
from loaders.kit.statements import constant, value

SLICE = 20
"""Products whose movements are worked out in one step, exactly, some three milliseconds: 250 held the loop for 39 ms."""


class Movements(Loader):
    """What came to a product's own places and went from them over a time, and what was there: a dictionary of the fields of
    ``ProductMovement``. ``arguments`` is (from, until, end): moves before ``until`` count, and the mean goes to ``end``.
    """

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The movement of each product, also of one that never moved."""
        begin, until, end = self.arguments
        made = await self.made((Movements,), self.build)
        given = {"keys": keys, "begin": begin, "until": until, "end": end}
        found: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await self.fetch(made, given, len(keys)):
            found[row["key"]].append(row)
        duration = Decimal((end - begin) / timedelta(microseconds=1))
        worked_out: dict[Any, Any] = {}
        for key, each in found.items():
            worked_out[key] = movement(each, duration)
            if not len(worked_out) % SLICE:
                await asyncio.sleep(0)
        return worked_out

    def build(self) -> Select[Any]:
        moment = DateTime(timezone=True)
        begin, until, end = (value(name, moment) for name in ("begin", "until", "end"))
        keys = parents(Uuid())
        comes, goes = is_own(StockMove.destination_id), is_own(StockMove.source_id)
        during = StockMove.occurred_at < until
        signed = case((comes, StockMove.quantity), else_=-StockMove.quantity)
        left = func.greatest(func.extract("epoch", end - StockMove.occurred_at) * constant(1_000_000), constant(0))
        sums = {
            "inbound": func.sum(StockMove.quantity).filter(during, comes),
            "outbound": func.sum(StockMove.quantity).filter(during, goes),
            "during": func.sum(signed).filter(during),
            "after": func.sum(signed).filter(not_(during)),
            "weighted": func.sum(signed * left).filter(during),
        }
        other: Any = aliased(Location, name="other")
        where = case((comes, StockMove.source_id), else_=StockMove.destination_id)
        flows = (
            select(other.kind, *(cast(each, Text).label(name) for name, each in sums.items()))
            .select_from(StockMove.__table__.join(other, and_(other.tenant_id == TENANT, other.id == where)))
            .where(StockMove.tenant_id == TENANT, StockMove.product_id == keys.c.key, StockMove.occurred_at >= begin)
            .where(comes != goes)
            .group_by(other.kind)
            .correlate(keys)
            .lateral("flows")
        )
        mine = (StockLevel.tenant_id == TENANT) & (StockLevel.product_id == keys.c.key)
        now = select(func.sum(StockLevel.on_hand)).where(mine, is_own(StockLevel.location_id)).correlate(keys)
        sent = (
            select(StockMove.occurred_at)
            .where(StockMove.tenant_id == TENANT, StockMove.product_id == keys.c.key, during, goes)
            .where(at_kind(StockMove.destination_id, "CUSTOMER"))
            .order_by(StockMove.occurred_at.desc())
            .limit(constant(1))
            .correlate(keys)
        )
        columns = [cast(now.scalar_subquery(), Text).label("now"), sent.scalar_subquery().label("shipped")]
        return select(keys.c.key, *columns, *flows.c).select_from(keys.outerjoin(flows, true()))


def movement(rows: Sequence[Any], duration: Decimal) -> dict[str, Any]:
    """What the rows of one product say: one for each kind of other places, or one without. ``duration`` is in microseconds."""
    numbers = [
        {name: Decimal(row[name] or 0) for name in ("inbound", "outbound", "during", "after", "weighted")}
        | {"kind": row["kind"]}
        for row in rows
    ]
    closing = Decimal(rows[0]["now"] or 0) - sum((each["after"] for each in numbers), Decimal(0))
    opening = closing - sum((each["during"] for each in numbers), Decimal(0))
    mean = EXACT.add(opening, EXACT.divide(sum((each["weighted"] for each in numbers), Decimal(0)), duration))
    sold = sum((each["outbound"] - each["inbound"] for each in numbers if each["kind"] == "CUSTOMER"), Decimal(0))
    turnover = EXACT.quantize(EXACT.divide(sold, mean), Decimal("0.000001")) if mean > 0 else None
    flows = sorted((each for each in numbers if each["inbound"] or each["outbound"]), key=_place_of_kind)
    return {
        "opening": decimal_text(opening),
        "closing": decimal_text(closing),
        "flows": [
            {"kind": each["kind"], **{name: decimal_text(each[name]) for name in ("inbound", "outbound")}}
            for each in flows
        ],
        "turnover": None if turnover is None else decimal_text(turnover),
        "lastShippedAt": rows[0]["shipped"],
    }


def _place_of_kind(flow: Mapping[str, Any]) -> int:
    return LOCATION_KINDS.index(flow["kind"])
