"""What can be asked of orders."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from services.catalog import Currency, ProductRef
from services.kit.command import (
    MAX_LINES,
    Choice,
    Command,
    Input,
    Key,
    Label,
    LongText,
    Price,
    Quantity,
    Ref,
    Title,
    Version,
    identifier,
)
from services.partners import PartnerRef

Disposition = Annotated[Literal["RESTOCK", "QUARANTINE", "SCRAP"], Choice]


class OrderRef(Ref):
    """An order by one of its keys."""

    id: identifier("ord") | None = None  # type: ignore[valid-type]  # a function makes the type
    number: Key | None = None
    external_id: Key | None = None


class LineItem(Input):
    """A line to be ordered. Without a price it costs what the product's list says."""

    product: ProductRef
    quantity: Quantity
    unit_price: Price | None = None
    description: LongText | None = None


Lines = Annotated[list[LineItem], Field(min_length=1, max_length=MAX_LINES)]


class OrderCreate(Command):
    """Make an order, a draft or confirmed at once."""

    customer: PartnerRef
    currency: Currency | None = None
    placed_at: datetime | None = None
    number: Label | None = None
    external_id: Label | None = None
    note: LongText | None = None
    line_items: Lines
    confirm: bool = False
    allow_backorder: bool = False
    warehouse: identifier("wh") | None = None  # type: ignore[valid-type]  # a function makes the type


class OnOrder(Command):
    """Something about an order that there is."""

    order: OrderRef
    expected_version: Version | None = None


class OrderUpdate(OnOrder):
    """Change an order. Line items, where given, take the place of a draft's."""

    note: LongText | None = None
    line_items: Lines = Field(default_factory=list)


class OrderConfirm(OnOrder):
    """Promise an order: reserve the stock of every line, or nothing. What isn't given is as the draft has it."""

    allow_backorder: bool = False
    warehouse: identifier("wh") | None = None  # type: ignore[valid-type]  # a function makes the type


class LineQuantity(Input):
    """A quantity of a line of the order."""

    line_item: identifier("lin")  # type: ignore[valid-type]  # a function makes the type
    quantity: Quantity


class OrderShip(OnOrder):
    """Send what is reserved, all of it or these quantities."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None


class OrderCancel(OnOrder):
    """Call off what hasn't left, all of it or these quantities."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    reason: Title | None = None


class ReturnLine(LineQuantity):
    """A quantity of a line that came back, what becomes of it, and where."""

    disposition: Disposition
    location: identifier("loc") | None = None  # type: ignore[valid-type]  # a function makes the type


class OrderReturn(OnOrder):
    """Take back what was shipped."""

    line_items: Annotated[list[ReturnLine], Field(min_length=1, max_length=MAX_LINES)]
