"""What documents come to by category and rate of tax."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from core.money import SCALE, decimal_text
from core.taxes import Kind, TaxSum, tax_sum
from execution import Batch
from loaders.taxes import TaxesOfDocument

Rows = list[dict[str, Any]]


def tax_row(tax: TaxSum, currency: str, reason: str | None) -> dict[str, Any]:
    """A sum of taxes as a row, with amounts as the database would hand them out."""
    row = {"category": tax.category, "rate": decimal_text(tax.rate), "currency": currency, "exemption_reason": reason}
    return row | {"base": amount(tax.base), "amount": amount(tax.amount)}


def amount(exact: Decimal) -> str:
    """An amount as the database would hand it out."""
    return f"{exact:.{SCALE}f}"


def of_documents(
    loader: type[TaxesOfDocument], included: str | None = None
) -> Callable[[Batch], Awaitable[list[Rows]]]:
    """The resolver of documents' taxes, as core.taxes works them out, from what their lines come to by category and rate.
    ``included``: the column that says whether these include tax; without it none do.
    """

    async def read(batch: Batch) -> list[Rows]:
        found = await loader.of(batch.context).load_level(batch.column("id"))
        return [
            [_row(each, row["currency"], included=bool(included and row[included])) for each in kinds]
            for row, kinds in zip(batch.sources, found, strict=True)
        ]

    return read


def _row(found: Any, currency: str, *, included: bool) -> dict[str, Any]:
    tax = tax_sum(Kind(found["category"], found["rate"]), found["total"], currency, included=included)
    return tax_row(tax, currency, found["reason"])
