"""What can be asked of stock by hand."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.catalog import ProductRef
from services.kit.command import MAX_LINES, Command, Count, Day, Difference, Id, Input, Label, Quantity, Title


class StockAdjustLine(Input):
    """By how much the balance of a product at a location changes."""

    product: ProductRef
    """The product, by one of its keys."""
    location: Annotated[UUID, Id("loc")]
    """Where they are: the id of a location (loc_…)."""
    delta: Difference
    """The quantity to add, or, if negative, to take away: not zero, at most six decimals."""
    lot: Label | None = None
    """The code of the lot, or the serial number: needed where the product is tracked, and refused where it isn't. One that is new is
    created where goods are added."""
    expires_on: Day | None = None
    """The last day that goods of a new lot may be sold; null for none."""


class StockAdjust(Command):
    """Differences to add to balances, for goods that were found or lost."""

    lines: Annotated[list[StockAdjustLine], Field(min_length=1, max_length=MAX_LINES)]
    """1 to 500 differences; all are carried out, or none."""
    reason: Title
    """Why, in a word or a sentence; the moves carry it."""
    take_reserved: bool = False
    """Whether goods may be taken that are reserved, where too few others are there: for goods that broke, or must be moved. They
    are reserved elsewhere as far as possible; StockPayload.waitingOrders has the orders that lack them."""


class StockSetLine(Input):
    """How many of a product were counted at a location."""

    product: ProductRef
    """The product, by one of its keys."""
    location: Annotated[UUID, Id("loc")]
    """Where they are: the id of a location (loc_…)."""
    on_hand: Count
    """The counted quantity; not less than is reserved."""
    expected_on_hand: Count | None = None
    """The balance that the caller saw before the count, else STALE_STOCK; null: any balance."""
    lot: Label | None = None
    """The code of the lot, or the serial number: needed where the product is tracked, and refused where it isn't. One that is new is
    created where any were counted."""


class StockSet(Command):
    """Counted balances that replace those in the books."""

    lines: Annotated[list[StockSetLine], Field(min_length=1, max_length=MAX_LINES)]
    """1 to 500 balances; all are set, or none."""
    reason: Title
    """Why, in a word or a sentence; the moves carry it."""
    take_reserved: bool = False
    """Whether goods may be taken that are reserved, where too few others are there: for goods that broke, or must be moved. They
    are reserved elsewhere as far as possible; StockPayload.waitingOrders has the orders that lack them."""


class StockTransferLine(Input):
    """A quantity of a product to move."""

    product: ProductRef
    """The product, by one of its keys."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""
    lot: Label | None = None
    """The code of the lot, or the serial number: needed where the product is tracked, and refused where it isn't."""


class StockTransfer(Command):
    """Goods to move from one location to another."""

    lines: Annotated[list[StockTransferLine], Field(min_length=1, max_length=MAX_LINES)]
    """1 to 500 quantities; all are moved, or none."""
    source: Annotated[UUID, Id("loc")]
    """The id of the location that they leave."""
    destination: Annotated[UUID, Id("loc")]
    """The id of the location that they come to."""
    reason: Title | None = None
    """Why, in a word or a sentence; the moves carry it."""
    take_reserved: bool = False
    """Whether goods may be taken that are reserved, where too few others are there: for goods that broke, or must be moved. They
    are reserved elsewhere as far as possible; StockPayload.waitingOrders has the orders that lack them."""
