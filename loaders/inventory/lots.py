"""Lots: what is there of them, and where it came from."""

from sqlalchemy import Text, cast, func, select

from db.inventory import Lot, StockLevel
from loaders.inventory import levels, moves
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant

_of_lot = (StockLevel.tenant_id == TENANT, StockLevel.lot_id == Lot.id)
_ON_HAND_OF_LOT = (
    select(func.coalesce(func.sum(StockLevel.on_hand), constant(0))).where(*_of_lot).correlate(Lot).scalar_subquery()
)
lots = Entity(
    Lot,
    "Lot",
    "lot",
    "stock:read",
    columns={"on_hand": cast(func.trim_scale(_ON_HAND_OF_LOT), Text), "expires_on": cast(Lot.expires_on, Text)},
    filters={
        "product": filters.identifier(Lot.product_id, "prod", "By the id of the product (prod_…)."),
        "code": filters.text(Lot.code, "By its code, or the serial number."),
        "expiresOn": filters.day(Lot.expires_on, "By the last day that its goods may be sold."),
        "blocked": filters.boolean(Lot.blocked, "By whether its goods may not be sold, whatever the day."),
        "onHand": filters.decimal(_ON_HAND_OF_LOT, "By how many are there, over all of the tenant's own locations."),
    },
    sorts={
        "CODE": Sort(Lot.code, "The code, character by character in Unicode's order."),
        "EXPIRES_ON": Sort(
            Lot.expires_on, "The last day that its goods may be sold; none counts as the latest.", nullable=True
        ),
    },
    default=(("EXPIRES_ON", ASC),),
)


class LotById(One):
    entity = lots


class Lots(Many):
    entity = lots


class LotsOfProduct(Many):
    entity = lots
    key = "product_id"


class LevelsOfLot(Many):
    entity = levels
    key = "lot_id"


class MovesOfLot(Many):
    entity = moves
    key = "lot_id"
