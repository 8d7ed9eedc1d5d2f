"""Which taxes the lines of a document bear, and what it comes to with them."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from core.money import LIMIT
from core.problems import Problems
from core.taxes import Kind, Totals, go_together, totals
from services import taxes
from services.catalog import ProductSnapshot, TaxRef
from services.kit.looking import Looking
from services.taxes import NONE, Found, Tax

MAX_KINDS = 20
"""Categories and rates of a document's taxes: each is a line of its invoice's tax breakdown."""


class Given(Protocol):
    """A line of an input. One that names null bears no tax, one that names nothing its product's."""

    @property
    def tax(self) -> TaxRef | None: ...

    @property
    def model_fields_set(self) -> set[str]: ...


class Costing(Protocol):
    """A line that costs something and may bear a tax."""

    @property
    def total(self) -> Decimal: ...

    @property
    def tax(self) -> Tax | None: ...


class Worth(NamedTuple):
    """What a document's lines come to. ``included``: their prices and totals include tax."""

    totals: Totals
    included: bool

    @property
    def taxed(self) -> bool:
        """Whether taxes are stored with it: an order without takes the statements of before there were any."""
        return self.included or bool(self.totals.taxes)


async def of_lines(
    look: Looking,
    group: UUID | None,
    given: Sequence[Given],
    items: Sequence[ProductSnapshot | None],
    problems: Problems,
    *,
    path: str = "lineItems",
    keep: bool = True,
) -> list[Tax | None]:
    """The tax that each line of an input bears: the one that it names, else what becomes of its product's for partners of a
    group. Problems are noted for taxes that aren't there or aren't used any more.
    """
    named = [line.tax for line in given if line.tax]
    owns = {
        item.tax
        for line, item in zip(given, items, strict=True)
        if item and item.tax and "tax" not in line.model_fields_set
    }
    found = await lookup(look, group, owns, named, keep=keep)
    borne: list[Tax | None] = []
    for index, (line, item) in enumerate(zip(given, items, strict=True)):
        if line.tax:
            tax = found.named(line.tax)
            if tax is None:
                problems.missing(f"tax with the {line.tax}", path, index, "tax")
        else:
            tax = None if item is None or "tax" in line.model_fields_set else found.borne(item.tax)
        if tax:
            taxes.check_active(tax, problems, path, index, "tax" if line.tax else "product")
        borne.append(tax)
    return borne


async def lookup(
    look: Looking, group: UUID | None, owns: Collection[UUID], refs: Collection[TaxRef] = (), *, keep: bool = True
) -> Found:
    """The taxes of products, and those that inputs name. Where there are none nothing is looked up: most products of most
    tenants have none, and may take no statement for it.
    """
    return await taxes.find(look, group, owns, refs, keep=keep) if owns or refs else NONE


def worth(
    lines: Iterable[Costing], currency: str, problems: Problems, *, included: bool = False, path: str = "lineItems"
) -> Worth:
    """What lines come to. Problems are noted where that is more than can be kept."""
    kinds = ((line.total, line.tax and line.tax.kind) for line in lines)
    return summed(kinds, currency, problems, included=included, path=path)


def check_together(categories: Iterable[str], problems: Problems, *path: str) -> None:
    """Note a problem for lines that can't be on one invoice."""
    if not go_together(categories):
        message = (
            "Some lines are of category O, not subject to VAT, and others of another one. EN 16931 has no invoice for both"
            " (BR-O-11): order them apart."
        )
        problems.invalid(message, *path)


def categories_of(lines: Iterable[Costing]) -> Iterable[str]:
    """The categories of what lines bear."""
    return (line.tax.kind.category for line in lines if line.tax)


def summed(
    lines: Iterable[tuple[Decimal, Kind | None]],
    currency: str,
    problems: Problems,
    *,
    included: bool,
    path: str = "lineItems",
) -> Worth:
    """What totals come to, each with what it bears."""
    found = totals(lines, currency, included=included)
    if found.subtotal + found.tax_total >= LIMIT:
        problems.invalid("The order costs more than can be kept.", path)
    if len(found.taxes) > MAX_KINDS:
        problems.invalid(f"An order may bear taxes of {MAX_KINDS} categories and rates.", path)
    return Worth(found, included)
