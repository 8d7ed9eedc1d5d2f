"""Products, partners and counted stock from files, by the machinery of order files: one row, one record.

A record that is there stays as it is. A row that says the same of it is already there; one that says something else is
rejected, with what differs: what an import may not do is change what people keep.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from core import text
from core.countries import COUNTRIES
from core.ids import new_id
from core.units import MOST_DECIMALS
from services.imports import cells as parsing
from services.imports.cells import RejectedRow
from services.imports.filling import Filling
from services.imports.mapping.things import PartnersMapping, ProductsMapping, StockMapping, ThingsMapping
from services.imports.numbers import Signs, parser, style
from services.imports.reading import Reading, raw
from services.imports.source import Source, SourceRow
from services.imports.values import Places, rule_test, taker

Read = Callable[[str], Any]


class Field(NamedTuple):
    """A value of a record: its column in the database, its type there, and how a cell becomes it."""

    column: str
    type: str
    read: Read
    meaning: str = ""
    """What the mapping calls it."""


class Kind(NamedTuple):
    """A kind of record: its table, its key, and the fields that a mapping has for it."""

    table: str
    key: str
    type: str
    fields: tuple[Field, ...]
    defaults: dict[str, str]


def products(mapping: ProductsMapping) -> Kind:
    """Products, by their sku."""
    amount = parsing.amount_parser(
        "list price", parser(style(mapping.numbers, mapping.currencies, mapping.columns.list_price))
    )
    readers: dict[str, tuple[str, Read]] = {
        "name": ("text", parsing.text_parser("name", text.NAME)),
        "description": ("text", parsing.text_parser("description", text.PROSE, text.prose)),
        "barcode": ("text", parsing.key_parser("barcode", upper=False, drop_point_zero=True)),
        "unit": ("text", parsing.text_parser("unit", 30, text.key)),
        "unit_decimals": (
            "smallint",
            _one_of("number of decimals", {str(n): str(n) for n in range(MOST_DECIMALS + 1)}),
        ),
        "list_price": ("numeric(20,6)", amount),
        "currency": ("text", _one_of("currency", {code: code for code in mapping.currencies})),
        "active": ("boolean", _one_of("active", _YES | mapping.words)),
        "external_id": ("text", parsing.key_parser("external id", upper=False, drop_point_zero=False)),
    }
    fields = _fields(mapping, readers, {"currency": "list_price_currency"})
    if mapping.columns.list_price is not None and mapping.columns.currency is None:
        fields = (*fields, Field("list_price_currency", "text", lambda _: mapping.currencies[0]))
    return Kind(
        "products",
        "sku",
        "PRODUCT",
        fields,
        {"name": "key", "unit": "'pcs'", "unit_decimals": str(MOST_DECIMALS), "active": "true"},
    )


def partners(mapping: PartnersMapping) -> Kind:
    """Customers and suppliers, by their code."""
    countries = {code: code for code in COUNTRIES} | mapping.countries
    kinds = {word: f"{{{','.join(sorted(meant))}}}" for word, meant in mapping.kinds.items()}
    readers: dict[str, tuple[str, Read]] = {
        "name": ("text", parsing.text_parser("name", text.NAME)),
        "email": ("text", _address),
        "country": ("text", _one_of("country", countries)),
        "kinds": ("text[]", _one_of("kind", kinds)),
        "external_id": ("text", parsing.key_parser("external id", upper=False, drop_point_zero=False)),
    }
    fields = _fields(mapping, readers, {})
    if mapping.columns.kinds is None:
        fixed = f"{{{','.join(sorted(mapping.kind))}}}"
        fields = (*fields, Field("kinds", "text[]", lambda _: fixed))
    return Kind("partners", "code", "PARTNER", fields, {"name": "key"})


_YES = {"true": "true", "false": "false", "yes": "true", "no": "false", "1": "true", "0": "false"}


def _fields(mapping: ThingsMapping, readers: dict[str, tuple[str, Read]], names: dict[str, str]) -> tuple[Field, ...]:
    named = mapping.columns.named()
    return tuple(Field(names.get(name, name), *readers[name], name) for name in readers if name in named)


def stock(mapping: StockMapping) -> Kind:
    """Counted quantities, by the product's sku."""
    quantity = parsing.amount_parser("quantity", parser(style(mapping.numbers, [], mapping.columns.quantity)))
    place = _key(mapping, "location")
    readers: dict[str, tuple[str, Read]] = {
        "location": ("text", lambda said: place(said) or mapping.location),
        "quantity": ("numeric(20,6)", quantity),
    }
    fields = _fields(mapping, readers, {})
    if mapping.columns.location is None:
        fields = (Field("location", "text", lambda _: mapping.location), *fields)
    return Kind("stock_levels", "sku", "", fields, {})


def _one_of(word: str, known: dict[str, str]) -> Read:
    def read(said: str) -> str | None:
        if not said:
            return None
        if said not in known:
            raise RejectedRow(word, f"{said[:50]!r} is not a {word} that the mapping knows.")
        return known[said]

    return read


def _address(said: str) -> str | None:
    if not said:
        return None
    name, at, host = said.rpartition("@")
    if not (name and at and "." in host) or " " in said:
        raise RejectedRow("email", "This is not an e-mail address.")
    return text.name(said)


class Things(Reading):
    """The values to stage for each row of a file of records: its key and its fields, or the reason why it can't be taken."""

    def __init__(self, mapping: ThingsMapping, source: Source, kind: Kind) -> None:
        places = Places(mapping.headers, source.header)
        super().__init__(source, mapping.file, places, Filling(mapping.file, places))
        number = style(mapping.numbers, mapping.currencies)
        self.skip(mapping.skip, number)
        self._rejects = [(rule, rule_test(rule, places, number)) for rule in mapping.reject]
        self._key = _key(mapping, kind.key)
        self._kind = kind
        self._signs = Signs(mapping.currencies)
        self._price = next((at for at, field in enumerate(kind.fields) if field.column == "list_price"), 0)
        named = mapping.columns.named()
        self._take = taker([named[kind.key], *(named.get(field.meaning) for field in kind.fields)], places)
        self.columns = ("line", "raw", "reason", "id", "key", *(field.column for field in kind.fields))

    def staged(self, row: SourceRow) -> Iterator[tuple[Any, ...]]:
        """What is staged of a row."""
        text = row.text
        try:
            cells, text = self.cells(row)
            if self.is_left_out(cells):
                return
            self.filling.check()
            if "\0" in row.text:
                raise RejectedRow("text", "The row has a NUL character in it.")
            for rule, test in self._rejects:
                if test(cells):
                    raise RejectedRow("rule", rule.reason or f"A rule of the mapping rejects it, by {rule.column}.")
            yield row.line, raw(text), None, *self._values(cells)
        except RejectedRow as rejection:
            yield row.line, raw(text), str(rejection), *(None,) * (len(self._kind.fields) + 2)
            if row.fault or len(row.cells) < self.width:
                self.filling.lose()

    def _values(self, cells: list[str]) -> tuple[Any, ...]:
        said, *texts = self._take(cells)
        key = self._key(said)
        if not key:
            raise RejectedRow(self._kind.key, f"There is no {self._kind.key}.")
        values = {field.column: field.read(text) or None for field, text in zip(self._kind.fields, texts, strict=True)}
        if "list_price" in values:
            if values["list_price"] is None:
                values["list_price_currency"] = None
            elif values["list_price_currency"] is None:
                raise RejectedRow("currency", "There is no currency.")
            elif sign := self._signs.other([texts[self._price]], values["list_price_currency"]):
                raise parsing.not_in(values["list_price_currency"], sign)
        if "quantity" in values and values["quantity"] is None:
            raise RejectedRow("quantity", "There is no quantity.")
        return new_id().hex, key, *values.values()


def _key(mapping: ThingsMapping, word: str) -> Read:
    clean = mapping.clean
    return parsing.key_parser(
        word,
        upper=word in clean.upper,
        drop_point_zero=word in clean.drop_point_zero,
        drop_leading_zeros=word in clean.drop_leading_zeros,
    )
