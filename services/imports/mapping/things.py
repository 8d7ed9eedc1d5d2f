"""Mappings of products, partners and counted stock."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from services.imports.mapping.columns import Columns, From
from services.imports.mapping.kinds import Caption, Country, Currencies, Key, Part
from services.imports.mapping.reading import File, Numbers
from services.imports.mapping.rules import Rule

Keyed = Literal["sku", "code", "location"]
PartnerKind = Literal["CUSTOMER", "SUPPLIER"]


class ThingsClean(Part):
    """What makes one key of several spellings."""

    upper: list[Keyed] = []
    drop_point_zero: list[Keyed] = []
    drop_leading_zeros: list[Keyed] = []


class ThingsMapping(Part):
    """What mappings of records have in common."""

    file: File = File()
    columns: Columns
    numbers: Numbers = Numbers()
    clean: ThingsClean = ThingsClean()
    skip: list[Rule] = []
    reject: list[Rule] = []

    @property
    def headers(self) -> list[str]:
        """All headers that it names, each once."""
        read = [header for spec in self.columns.named().values() for header in spec.headers]
        tested = [each.column for rule in (*self.skip, *self.reject) for each in rule.conditions]
        return list(dict.fromkeys([*read, *tested, *self.file.carry_down]))

    @property
    def currencies(self) -> list[str]:
        """The currencies of its amounts, if it has any."""
        return []

    @model_validator(mode="after")
    def _rows(self) -> Self:
        if self.file.fill_down:
            raise ValueError("file.fill_down is of orders: use file.carry_down")
        if any(rule.of == "order" for rule in (*self.skip, *self.reject)):
            raise ValueError('rules are of rows here: leave out of = "order"')
        return self


class ProductColumns(Columns):
    """Columns of products."""

    sku: From
    name: From | None = None
    description: From | None = None
    barcode: From | None = None
    unit: From | None = None
    unit_decimals: From | None = None
    list_price: From | None = None
    currency: From | None = None
    active: From | None = None
    external_id: From | None = None


class ProductsMapping(ThingsMapping):
    """A mapping of products."""

    currency: Currencies | None = None
    columns: ProductColumns
    words: dict[str, Literal["true", "false"]] = {}

    @property
    def currencies(self) -> list[str]:
        return self.currency or []

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.columns.list_price is not None and not self.currency:
            raise ValueError("columns.list_price needs currency")
        if self.columns.currency is None and len(self.currency or []) > 1:
            raise ValueError("several currencies need columns.currency")
        return self


class PartnerColumns(Columns):
    """Columns of partners."""

    code: From
    name: From | None = None
    email: From | None = None
    country: From | None = None
    kinds: From | None = None
    external_id: From | None = None


class PartnersMapping(ThingsMapping):
    """A mapping of customers and suppliers."""

    columns: PartnerColumns
    kind: Annotated[list[PartnerKind], Field(min_length=1)] = ["CUSTOMER"]
    kinds: dict[str, Annotated[list[PartnerKind], Field(min_length=1)]] = {}
    countries: dict[str, Country] = {}


class StockColumns(Columns):
    """Columns of a count."""

    sku: From
    location: From | None = None
    quantity: From


class StockMapping(ThingsMapping):
    """A mapping of counted stock."""

    columns: StockColumns
    location: Key | None = None
    reason: Caption = "opening stock"

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.location is None) == (self.columns.location is None):
            raise ValueError("give either location (the code of one for all rows) or columns.location")
        return self
