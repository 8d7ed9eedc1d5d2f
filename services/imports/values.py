"""What a mapping takes from a row's cells: each value's text, by where it comes from."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from core.errors import BadInput
from services.imports.cells import RejectedRow, not_a_number
from services.imports.mapping import Column, Condition, Rule
from services.imports.numbers import LESS, MORE, Style, parser
from services.imports.source import place

Take = Callable[[list[str]], str]
Test = Callable[[list[str]], bool]


class Places:
    """Where in a row each header is. ``BadInput`` lists those that the file doesn't have, or has twice."""

    def __init__(self, wanted: Sequence[str], header: list[str], numbers: Mapping[str, str] | None = None) -> None:
        """``numbers``: the headers of columns that are numbers anyway, and what they mean."""
        self.numbers = numbers or {}
        counts = Counter(header)
        missing = [name for name in wanted if place(header, name) is None]
        if missing:
            message = f"The file has no column {_listed(missing)}. Its columns are {_listed(header)}."
            raise BadInput(message + _delimited(header))
        twice = [name for name in wanted if counts[name] > 1]
        if twice:
            raise BadInput(
                f"The file has more than one column {_listed(twice)}. Write {twice[0]}#1 for the first, {twice[0]}#2 for the second."
            )
        self._places = {name: found for name in wanted if (found := place(header, name)) is not None}

    def __getitem__(self, header: str) -> int:
        return self._places[header]


def _delimited(header: list[str]) -> str:
    """What to do about a header that is a single cell, with the marks in it that end others' cells."""
    found = max(";\t|,", key=header[0].count) if len(header) == 1 else ""
    if not found or found not in header[0]:
        return ""
    return f" That is one column: set file.delimiter = {json.dumps(found)} if it ends the file's cells."


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:50]) for name in names[:40])
    return shown + (f" and {len(names) - 40} more" if len(names) > 40 else "")


def taker(columns: Sequence[Column | None], places: Places) -> Callable[[list[str]], list[str]]:
    """A function from a row, with an empty cell behind its own, to the texts of these values; what isn't mapped is empty.

    Plain columns are picked together, by one call: they are most of nearly every mapping.
    """
    plain = [places[column.column[0]] if column is not None and column.is_plain else -1 for column in columns]
    pick = itemgetter(*plain) if len(plain) > 1 else lambda cells: (cells[plain[0]],)
    special = [(index, value(column, places)) for index, column in enumerate(columns) if column and not column.is_plain]

    def take(cells: list[str]) -> list[str]:
        texts = [text.strip() for text in pick(cells)]
        for index, one in special:
            texts[index] = one(cells)
        return texts

    return take


def value(column: Column, places: Places) -> Take:
    """A function from a row to the text of one value."""
    source = _source(column, places)
    replace, default = column.replace, column.default or ""

    def take(cells: list[str]) -> str:
        text = source(cells)
        text = replace.get(text, text)
        if not text:
            return default
        if column.drop_point_zero and re.fullmatch(r"[0-9]+\.0+", text):
            text = text.partition(".")[0]
        if column.drop_leading_zeros and text.isdigit():
            text = text.lstrip("0") or "0"
        if column.upper:
            text = text.upper()
        return f"{column.prefix}{text}{column.suffix}"

    return take


def _source(column: Column, places: Places) -> Take:
    if column.constant is not None:
        constant = column.constant
        return lambda _: constant
    extract = _extractor(column.pattern)
    if column.sum:
        more, less = ([places[name] for name in names] for names in (column.sum, column.minus))
        every = [*more, *less]

        def summed(cells: list[str]) -> str:
            # Of nothing but empty cells it is empty, as any value: a default is for those.
            if not any(cells[at].strip() for at in every):
                return ""
            return LESS.join([MORE.join(cells[at] for at in more), MORE.join(cells[at] for at in less)])

        return summed
    if column.join:
        joined = [places[name] for name in column.join]
        return lambda cells: column.with_.join(filter(None, (extract(cells[at].strip()) for at in joined)))
    choices = [places[name] for name in column.column]
    return lambda cells: next(filter(None, (extract(cells[at].strip()) for at in choices)), "")


def _extractor(pattern: str | None) -> Callable[[str], str]:
    """A function that finds in a text what the pattern's first group is, or the pattern; nothing where it isn't there."""
    if pattern is None:
        return lambda text: text
    search = re.compile(pattern).search

    def extract(text: str) -> str:
        found = search(text)
        return (found[1] if found.re.groups else found[0]) or "" if found else ""

    return extract


def rule_test(rule: Rule, places: Places, number: Style) -> Test:
    """A function that tells whether a row meets a rule. It raises ``RejectedRow`` where a number can't be read: what can't be
    read is never taken for no.
    """
    tests = [_test(each, places, number) for each in rule.conditions]
    return tests[0] if len(tests) == 1 else lambda cells: all(test(cells) for test in tests)


def _test(rule: Condition, places: Places, number: Style) -> Test:
    at = places[rule.column]
    if rule.negative or rule.positive or rule.zero:
        return _number_test(rule, at, number, places.numbers.get(rule.column))
    holds = _text_test(rule)
    return lambda row: holds(row[at].strip())


def _text_test(rule: Condition) -> Callable[[str], bool]:
    if rule.empty is not None:
        return lambda text: (not text) is rule.empty
    values = rule.values if rule.values is not None else rule.not_values
    if values is not None:
        known, wanted = frozenset(values), rule.values is not None
        return lambda text: (text in known) is wanted
    begin, end, part = rule.prefix or "", rule.suffix or "", rule.contains or ""
    search = re.compile(rule.pattern or "").search
    return lambda text: text.startswith(begin) and text.endswith(end) and part in text and search(text) is not None


def _number_test(rule: Condition, at: int, number: Style, meaning: str | None) -> Test:
    parse = parser(number)

    def test(row: list[str]) -> bool:
        text = row[at].strip()
        if not text:
            return False
        found = parse(text)
        if found is None:
            if meaning:
                raise not_a_number(meaning)
            raise RejectedRow(
                "rule", f"A rule asks for the number in {rule.column!r}, and this isn't one: {text[:50]!r}."
            )
        return found < 0 if rule.negative else found > 0 if rule.positive else found == 0

    return test
