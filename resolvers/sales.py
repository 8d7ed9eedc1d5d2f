"""What an order's state and lines say together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from core.addresses import Filed, default_for, filed
from core.errors import BadInput
from core.money import decimal_text
from core.sales import ADDRESS_ROLES, PROGRESS, Progress, available_actions
from core.taxes import Kind
from execution import Batch
from loaders.kit.filters import text_value
from loaders.partners import PartnerById
from loaders.sales import ProgressOfOrder
from loaders.sales.holds import HoldByReference
from resolvers.commands import UserErrorRow
from resolvers.parties import PartyRow
from resolvers.taxes import amount, tax_row
from services import sales as services
from services.kit.looking import Snapshot
from services.sales.previewing import PreviewLine

NOTHING = Progress(0, 0, 0)


async def _progress(batch: Batch) -> list[Progress]:
    found = await ProgressOfOrder.of(batch.context).load_level([row["id"] for row in batch.sources])
    # An order without lines has no row here.
    return [NOTHING if row is None else Progress(*row[1:]) for row in found]


async def reservation(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.reservation] for progress in await _progress(batch)]


async def shipment(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.shipment] for progress in await _progress(batch)]


async def returned(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.returned] for progress in await _progress(batch)]


async def actions(batch: Batch) -> list[list[str]]:
    """From the table of transitions that the mutations use."""
    progress = await _progress(batch)
    return [available_actions(row["status"], each) for row, each in zip(batch.sources, progress, strict=True)]


def address(column: str) -> Callable[[Batch], Awaitable[list[PartyRow | None]]]:
    """An order's address: what it keeps, and while it is a draft the customer's that it chose, or that is the default."""

    async def read(batch: Batch) -> list[PartyRow | None]:
        kept = [orjson.loads(row[column] or "{}") for row in batch.sources]
        asked = {
            row["customer_id"]
            for row, choice in zip(batch.sources, kept, strict=True)
            if row["status"] == "DRAFT" and "party" not in choice
        }
        theirs: dict[Any, list[Filed]] = {}
        if asked:
            found = await PartnerById.of(batch.context, ("addresses",)).load_distinct(list(asked))
            theirs = {key: filed(orjson.loads(row["addresses"] or "[]")) for key, row in found.items() if row}
        return [_party(row, choice, theirs, column) for row, choice in zip(batch.sources, kept, strict=True)]

    return read


def _party(row: Any, choice: dict[str, Any], theirs: dict[Any, list[Filed]], column: str) -> PartyRow | None:
    party = choice.get("party")
    if party is None and row["status"] == "DRAFT":
        addresses, code = theirs.get(row["customer_id"], []), choice.get("code")
        taken = next((each for each in addresses if each.code == code), None)
        taken = default_for(ADDRESS_ROLES[column], addresses) if code is None else taken
        party = taken and taken.party
    return None if party is None else PartyRow(party)


async def hold(batch: Batch) -> list[Any]:
    """The hold that stands under a reference."""
    try:
        reference = text_value(batch.args["reference"])
    except BadInput as error:
        raise error.below("reference") from None
    return await HoldByReference.of(batch.context, batch.columns()).load_level([reference])


STOCK = "stock:read"
"""What one needs to hear whether goods are there. Who doesn't have it hears what they cost."""


async def preview(batch: Batch) -> list[dict[str, Any]]:
    """What an order would cost, and whether its goods are there. It reads the request's snapshot, as loaders do."""
    context, given = batch.context, batch.args["input"]
    context.require("catalog:read")
    if given.get("warehouse") is not None:
        context.require(STOCK)
    if given.get("priceList") is not None or any(line.get("tax") for line in given["lineItems"]):
        context.require("pricing:read")
    look = Snapshot(context.reader, "OrderPreview", context.trace)
    stock = STOCK in context.principal.permissions
    found = await services.preview(look, given, partner=context.principal.partner, stock=stock)
    await asyncio.sleep(0)
    subtotal, tax_total = found.totals.subtotal, found.totals.tax_total
    row: dict[str, Any] = {"currency": found.currency, "subtotal": amount(subtotal), "tax_total": amount(tax_total)}
    row |= {"total": amount(subtotal + tax_total), "errors": [UserErrorRow.of(each) for each in found.problems]}
    row["taxes"] = [
        tax_row(each, found.currency, found.reason(Kind(each.category, each.rate))) for each in found.totals.taxes
    ]
    return [row | {"lines": [each and _preview_line(each, found.currency) for each in found.lines]}]


def _preview_line(shown: PreviewLine, currency: str) -> dict[str, Any]:
    line, available = shown.line, shown.available
    return {
        "product_id": line.product,
        "quantity": decimal_text(line.quantity),
        "unit": shown.other.unit,
        "unit_quantity": decimal_text(shown.other.quantity),
        "currency": currency,
        "unit_price": amount(line.unit_price),
        "net": amount(shown.net),
        "tax_id": line.tax and line.tax.id,
        "price_list_id": shown.price_list,
        "available": None if available is None else decimal_text(available),
        "in_stock": shown.in_stock,
    }
