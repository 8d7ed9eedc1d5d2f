"""Holds, and what they keep."""

from typing import Any

from sqlalchemy import Select, case

from db.base import KEY_TEXT
from db.inventory import StockHold, StockHoldLine
from loaders.inventory import NOW
from loaders.kit.all import All
from loaders.kit.entity import Entity
from loaders.kit.one import One
from loaders.kit.statements import constant

OVER = StockHold.expires_at <= NOW

holds = Entity(
    StockHold,
    "StockHold",
    "hld",
    "stock:read",
    # Its time is over at once, whoever lets its goods go, and when.
    columns={
        "status": case(((StockHold.status == constant("HELD")) & OVER, constant("EXPIRED")), else_=StockHold.status)
    },
)
hold_lines = Entity(StockHoldLine, "StockHoldLine", "hln", "stock:read")


class HoldById(One):
    entity = holds


class HoldByReference(One):
    """The one that stands."""

    entity = holds
    key, key_type = "reference", KEY_TEXT

    def build(self, *, single: bool) -> Select[Any]:
        return super().build(single=single).where(StockHold.status == constant("HELD"), StockHold.expires_at > NOW)


class LinesOfHold(All):
    entity = hold_lines
    key = "hold_id"

    def build(self) -> Select[Any]:
        return super().build().where(StockHoldLine.expires_at > NOW)
