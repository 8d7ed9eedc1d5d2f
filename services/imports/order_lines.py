"""One row of an order: its line item, and what it says of the whole order."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core import text
from core.countries import COUNTRIES
from core.ids import new_id
from services.imports import cells as parsing
from services.imports.cells import RejectedRow
from services.imports.mapping import Charge, Column, Keyed, Mapping, Rule, Service
from services.imports.numbers import Signs, parser, style
from services.imports.values import Places, Take, Test, rule_test, taker, value

MAX_DESCRIPTION = 5_000
"""Characters. A longer one than a name may be is kept on its lines, and cut in the product's name."""

MOST_COUNTRIES = 300
"""Names of unknown countries that are counted apart: a column of something else has as many as rows."""

GOODS, SERVICE, DISCOUNT, RETURN = "", "s", "d", "r"
"""What a row is. Besides, ``c`` and ``o`` are lines that come of a charge of the row or of the order, and ``t`` a doubt."""

_TEXTS = ("order", "sku", "customer", "customer_name", "country", "description")
_AMOUNTS = ("quantity", "price", "price_per", "total", "discount", "line_check")
_MORE = ("date", "time", "line", "unit", "email", "currency", "note", "returned", "cancelled", "return_of")
_WHOLE = ("order_discount", "order_check")

_EXTRA = {
    "line_key": "line",
    "unit": "unit",
    "email": "email",
    "currency": "currency",
    "note": "note",
    "returned": "returned",
    "cancelled": "cancelled",
    "order_discount": "order_discount",
    "order_check": "order_check",
}
"""Columns of the staging table that are filled only where the mapping has something for them."""


_ORDER = 0
_PLACE = {name: at for at, name in enumerate((*_TEXTS, *_AMOUNTS, *_MORE, *_WHOLE))}
_RETURN_OF = _PLACE["return_of"]


def skips(mapping: Mapping) -> list[Rule]:
    """The rules by which rows, or orders, are left out."""
    return [*mapping.skip, *(rule for rule in mapping.returns if rule.then == "skip")]


@dataclass(slots=True)
class Found:
    """What a row says of its order, before its own values are read."""

    number: str | None = None
    role: str = GOODS
    service: Service | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    begun: bool = False


def _address(said: str) -> str | None:
    """An e-mail address; what isn't one stays empty rather than wrong."""
    name, at, host = said.rpartition("@")
    try:
        return text.name(said) if name and at and "." in host and " " not in said else None
    except ValueError:
        return None


class OrderLine:
    """Reads rows of order lines; everything that doesn't depend on a row is decided here, once."""

    def __init__(self, mapping: Mapping, places: Places) -> None:
        self._mapping = mapping
        columns = mapping.columns
        named = columns.named()
        self._take = taker([named.get(name) for name in (*_TEXTS, *_AMOUNTS, *_MORE, *_WHOLE)], places)
        self._number_of = value(columns.order, places)
        self._at = min((places[name] for name in columns.order.headers), default=0)
        number = style(mapping.numbers, mapping.currency)

        def tests(rules: Any) -> list[tuple[Any, Test]]:
            return [(rule, rule_test(rule, places, number)) for rule in rules]

        self._left = tests(rule for rule in skips(mapping) if rule.of == "order")
        self._rejects = tests(mapping.reject)
        self._returns = tests(rule for rule in mapping.returns if rule.then != "skip")
        self._services, self._discounts = tests(mapping.services), tests(mapping.discounts)
        self._status = value(mapping.status.column, places) if mapping.status else None
        self._fates = mapping.status.fates if mapping.status else {}
        self._keys = {name: self._key(name) for name in ("order", "sku", "customer")}
        self._line_key = parsing.key_parser("line", upper=False, drop_point_zero=False)
        unescape = mapping.clean.html
        self._name = parsing.text_parser("customer's name", text.NAME, unescape=unescape)
        self._description = parsing.text_parser("description", MAX_DESCRIPTION, text.caption, unescape=unescape)
        self._note = parsing.text_parser("note", text.PROSE, text.prose, unescape=unescape)
        self._unit = parsing.text_parser("unit", 30, text.key)
        self._amounts = parsing.amounts_parser(mapping)
        self._date = parsing.date_parser(mapping.dates, columns.date.formats)
        self._countries = {code: code for code in COUNTRIES} | mapping.countries
        self.unknown_countries: Counter[str] = Counter()
        """What was taken for no country, and in how many rows."""
        self._whole = {
            name: self._amount(name, named[name]) for name in named if name in (*_WHOLE, "returned", "cancelled")
        }
        self._charges = [self._charge(charge, places) for charge in mapping.charges]
        self._several = len(mapping.currency) > 1
        self._currency = mapping.currency[0]
        self._signs = Signs(mapping.currency)
        self.extra = self._extra(named)

    def _extra(self, named: dict[str, Column]) -> tuple[str, ...]:
        mapping = self._mapping
        used = [name for name, meaning in _EXTRA.items() if meaning in named]
        if mapping.discounts and "order_discount" not in used:
            used.append("order_discount")
        if mapping.numbers.order_discount_includes_lines:
            used.append("line_discount")
        if mapping.status:
            used.append("fate")
        return (*used, "left_order", "role")

    def _key(self, name: Keyed) -> Callable[[str], str]:
        clean = self._mapping.clean
        return parsing.key_parser(
            name,
            upper=name in clean.upper,
            drop_point_zero=name in clean.drop_point_zero,
            drop_leading_zeros=name in clean.drop_leading_zeros,
        )

    def _amount(self, name: str, column: Column) -> Callable[[str], str | None]:
        numbers = self._mapping.numbers
        sign = numbers.order_discount_sign if name == "order_discount" and column.sign is None else "plus"
        percent = name == "order_discount" and numbers.order_discount == "percent"
        read = parser(style(numbers, self._mapping.currency, column, percent=percent))
        return parsing.amount_parser(name.replace("_", " "), read, sign)

    def _charge(self, charge: Charge, places: Places) -> tuple[Charge, Take, Callable[[str], str | None]]:
        read = parsing.amount_parser(
            charge.description or charge.sku,
            parser(style(self._mapping.numbers, self._mapping.currency, charge.column)),
        )
        return charge, value(charge.column, places), read

    def numbers_in(self, cells: list[str], width: int, *, quoted: bool) -> tuple[set[str], bool]:
        """What may be the order's number in a row that has too many cells or too few, counted from the front and from the
        back; and whether that is sure. ``quoted``: what is wrong with it is in its last cell.
        """
        missing = width - len(cells)
        blanks = [""] * max(missing, 0)
        ways = ([*cells, *blanks], [*blanks, *cells] if missing > 0 else cells[-missing:])
        front, back = (self._number_in([*padded[:width], ""]) for padded in ways)
        before = self._at == 0 or front == back or (quoted and self._at < len(cells) - 1)
        return {front, back} - {""}, bool(front) and before

    def _number_in(self, cells: list[str]) -> str:
        try:
            return self._keys["order"](self._number_of(cells))
        except RejectedRow:
            return ""

    def identify(self, cells: list[str], found: Found) -> RejectedRow | None:
        """Note the order that a row is of; what is wrong with its number, if anything."""
        found.begun = True
        found.texts = self._take(cells)
        try:
            found.number = self._keys["order"](found.texts[_ORDER]) or None
        except RejectedRow as problem:
            return problem
        return None if found.number else RejectedRow("order", "There is no order number.")

    def begin(self, cells: list[str], found: Found) -> None:
        """Note what a row is. Raises ``RejectedRow``."""
        for rule, test in self._left:
            if test(cells):
                found.facts["left_order"] = rule.reason or f"by {rule.column}"
        self._find_role(cells, found)
        if found.role == RETURN and (named := self._keys["order"](found.texts[_RETURN_OF])):
            found.number = named

    def _find_role(self, cells: list[str], found: Found) -> None:
        for rule, test in self._returns:
            if test(cells):
                if rule.then == "reject":
                    raise RejectedRow("return", rule.reason or "The row is a return or a cancellation.")
                found.role = RETURN
                return
        for rule, test in self._services:
            if test(cells):
                found.role, found.service = SERVICE, rule
                return
        if any(test(cells) for _, test in self._discounts):
            found.role = DISCOUNT

    def read(self, cells: list[str], found: Found) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
        """The values to stage from ``id`` on, and those of lines that come of charges. Raises ``RejectedRow``."""
        self._check_rules(cells, found)
        facts = found.facts
        _, sku, customer, name, country, description, *more = found.texts
        amounts, (day, time, line, unit, email, currency, note, *_) = more[:6], more[6:16]
        facts["role"] = found.role or None
        money = self._money(found, currency)
        self._check_signs(found, (*amounts, *(found.texts[_PLACE[name]] for name in self._whole)))
        read = self._amounts(*amounts, money, found.role)
        thing, text_ = self._goods(found, sku, description)
        self._facts(found, line, unit, email, note, read)
        placed = self._date(f"{day} {time}".strip()) if day or found.role != RETURN else None
        whose = (self._keys["customer"](customer), self._name(name), self._country(country))
        values = (
            *(new_id().hex, found.number, thing, *whose, text_),
            *(read.quantity, read.price, read.total, placed),
            *(facts.get(each) for each in self.extra),
        )
        return values, list(self._charged(cells, found, placed)) if self._charges else []

    def _country(self, name: str) -> str | None:
        """Its code. One that isn't known stays empty rather than wrong, and the summary says so."""
        code = self._countries.get(name)
        if name and code is None and (name in self.unknown_countries or len(self.unknown_countries) < MOST_COUNTRIES):
            self.unknown_countries[name] += 1
        return code

    def _check_rules(self, cells: list[str], found: Found) -> None:
        for rule, test in self._rejects:
            if test(cells):
                raise RejectedRow("rule", rule.reason or f"A rule of the mapping rejects it, by {rule.column}.")
        if self._status and self._mapping.status:
            said = self._status(cells)
            fate = self._fates.get(said) if said else None
            if said and fate is None:
                fate = self._mapping.status.default
            if fate == "reject":
                raise RejectedRow("status", f"The status is {said[:50]!r}, and the mapping takes no such orders.")
            if fate == "skip":
                found.facts["left_order"] = f"status {said[:50]}"
            found.facts["fate"] = fate

    def _money(self, found: Found, said: str) -> str:
        """The row's currency."""
        if not said:
            if self._several:
                raise RejectedRow("currency", "There is no currency.")
            return self._currency
        if said not in self._mapping.currency:
            if self._mapping.other_currencies == "reject":
                raise RejectedRow(
                    "currency", f"The currency is {said[:20]!r}, and not {' or '.join(self._mapping.currency)}."
                )
            found.facts["left_order"] = f"currency {said[:20]}"
            return self._currency
        found.facts["currency"] = said
        return said

    def _check_signs(self, found: Found, said: Iterable[str]) -> None:
        """Raises ``RejectedRow`` where an amount is in another currency than its row, which said in which it is."""
        code = found.facts.get("currency")
        if code and (sign := self._signs.other(said, code)):
            raise parsing.not_in(code, sign)

    def _goods(self, found: Found, sku: str, description: str) -> tuple[str | None, str | None]:
        service = found.service
        if found.role == DISCOUNT:
            return None, None
        sku = service.sku if service and service.sku else self._keys["sku"](sku)
        if not sku:
            raise RejectedRow("sku", "There is no sku.")
        if service and service.description:
            return sku, service.description
        return sku, self._description(description)

    def _facts(self, found: Found, line: str, unit: str, email: str, note: str, read: parsing.Amounts) -> None:
        facts, texts = found.facts, found.texts
        facts["line_discount"] = read.off
        if line:
            facts["line_key"] = self._line_key(line)
        if unit and found.role == GOODS:
            facts["unit"] = self._unit(unit)
        facts["email"], facts["note"] = _address(email), self._note(note) or None
        for name, amount in self._whole.items():
            facts[name] = amount(texts[_PLACE[name]])
        if found.role == DISCOUNT:
            facts["order_discount"] = read.total
        gone = sum(Decimal(facts.get(name) or 0) for name in ("returned", "cancelled"))
        if gone > Decimal(read.quantity):
            raise RejectedRow("returned", "More was returned or cancelled than was ordered.")

    def _charged(self, cells: list[str], found: Found, placed: str | None) -> Any:
        """The lines that come of the charges in a row's columns."""
        if found.role == RETURN:
            return
        for charge, take, read in self._charges:
            said = take(cells)
            self._check_signs(found, [said])
            amount = read(said)
            if amount and amount.strip("0."):
                facts = {"role": "o" if charge.of == "order" else "c", "currency": found.facts.get("currency")}
                yield (
                    *(new_id().hex, found.number, charge.sku, None, None, None, charge.description or charge.sku),
                    *("1", amount, amount, placed),
                    *(facts.get(each) for each in self.extra),
                )
