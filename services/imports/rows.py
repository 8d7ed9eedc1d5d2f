"""One row: what is staged of it, or the reason why it can't be taken."""

from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from core import text
from core.countries import COUNTRIES
from core.errors import BadInput
from core.ids import new_id
from services.imports import cells
from services.imports.cells import RejectedRow
from services.imports.mapping import Keyed, Mapping, Return
from services.imports.source import Source, SourceRow

STAGED = (
    "line",
    "raw",
    "reason",
    "id",
    "number",
    "sku",
    "customer",
    "customer_name",
    "country",
    "description",
    "quantity",
    "unit_price",
    "total",
    "placed_at",
)
"""The staging table's columns, in the order of a staged row's values."""

MAX_DESCRIPTION = 5_000
"""Characters. A longer one than a name may be is kept on its lines, and cut in the product's name."""

_NOTHING = (None,) * (len(STAGED) - 3)

Values = tuple[str | None, ...]


def staged(source: Source, mapping: Mapping) -> Iterator[tuple[Any, ...]]:
    """The values to stage for each row: those of its cells, or the reason why it can't be taken.

    The row's own text goes along in hex, which carries every character, NUL too: a rule that needs
    the other rows may refuse it later.
    """
    read = _Reader(mapping, source.header)
    for row in source:
        raw = f"\\x{row.text.encode().hex()}"
        try:
            yield row.line, raw, None, *read(row)
        except RejectedRow as rejection:
            yield row.line, raw, str(rejection), *_NOTHING


def resolve(mapping: Mapping, header: list[str]) -> dict[str, int]:
    """Where in a row each header is that the mapping names; ``BadInput`` tells those that aren't there."""
    wanted = dict.fromkeys([*mapping.columns.named().values(), *(rule.column for rule in mapping.returns)])
    counts = Counter(header)
    missing = [name for name in wanted if not counts[name]]
    if missing:
        raise BadInput(f"The file has no column {_listed(missing)}. Its columns are {_listed(header)}.")
    twice = [name for name in wanted if counts[name] > 1]
    if twice:
        raise BadInput(f"The file has more than one column {_listed(twice)}.")
    return {name: header.index(name) for name in wanted}


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:50]) for name in names[:40])
    return shown + (f" and {len(names) - 40} more" if len(names) > 40 else "")


class _Reader:
    """Reads rows; everything that doesn't depend on a row is decided here, once."""

    def __init__(self, mapping: Mapping, header: list[str]) -> None:
        self._width = len(header)
        self._places = resolve(mapping, header)
        self._named = mapping.columns.named()
        self._returns = [self._test(rule, mapping) for rule in mapping.returns]
        self._order = self._key(mapping, "order")
        self._sku = self._key(mapping, "sku")
        self._customer = self._key(mapping, "customer")
        self._name = cells.text_parser("customer's name", text.NAME)
        self._description = cells.text_parser("description", MAX_DESCRIPTION, text.caption)
        self._amounts = cells.amounts_parser(mapping.numbers, mapping.currency)
        self._date = cells.date_parser(mapping.dates)
        self._countries = {code: code for code in COUNTRIES} | mapping.countries
        meanings = ("order", "sku", "customer", "customer_name", "country", "description")
        more = ("quantity", "price", "discount", "date", "time")
        # A column that isn't mapped reads the empty cell that every row is given behind its own.
        places = [self._places[self._named[name]] if name in self._named else -1 for name in (*meanings, *more)]
        self._pick = itemgetter(*places)

    def __call__(self, row: SourceRow) -> Values:
        """The staged values from ``id`` on. Raises ``RejectedRow``."""
        self._refuse(row)
        row.cells.append("")
        order, sku, customer, name, country, description, quantity, price, discount, day, time = self._pick(row.cells)
        number, sku = self._order(order), self._sku(sku)
        if not number:
            raise RejectedRow("order", "There is no order number.")
        if not sku:
            raise RejectedRow("sku", "There is no sku.")
        return (
            new_id().hex,
            number,
            sku,
            self._customer(customer),
            self._name(name),
            self._countries.get(country.strip()),
            self._description(description),
            *self._amounts(quantity.strip(), price.strip(), discount.strip()),
            self._date(f"{day.strip()} {time.strip()}".strip()),
        )

    def _refuse(self, row: SourceRow) -> None:
        """Refuse rows that can't be read as cells at all, and returns."""
        if row.fault:
            word, _, sentence = row.fault.partition(": ")
            raise RejectedRow(word, sentence)
        if len(row.cells) != self._width:
            raise RejectedRow("columns", f"The row has {len(row.cells)} columns, and the header {self._width}.")
        for is_return in self._returns:
            if is_return(row.cells):
                raise RejectedRow("return", "The row is a return or a cancellation.")
        if "\0" in row.text:
            raise RejectedRow("text", "The row has a NUL character in it.")

    def _test(self, rule: Return, mapping: Mapping) -> Callable[[list[str]], bool]:
        place, prefix = self._places[rule.column], rule.prefix
        if prefix is not None:
            return lambda row: row[place].lstrip().startswith(prefix)
        if rule.values is not None:
            values = frozenset(rule.values)
            return lambda row: row[place].strip() in values
        parse = cells.number_parser(mapping.numbers)
        return lambda row: (parse(row[place]) or 0) < 0

    @staticmethod
    def _key(mapping: Mapping, name: Keyed) -> Callable[[str], str]:
        clean = mapping.clean
        return cells.key_parser(name, upper=name in clean.upper, drop_point_zero=name in clean.drop_point_zero)
