"""How numbers and dates are written, by evidence."""

import re
from datetime import datetime
from typing import NamedTuple

from services.imports.months import MONTHS, beginnings, halves

_DIGITS = re.compile(r"[0-9][0-9.,' \u00a0\u202f\u2019]*")

DATES = (
    "%Y-%m-%d %H:%M:%S %z|%Y-%m-%dT%H:%M:%S%z|%Y-%m-%d %H:%M:%S|%Y-%m-%dT%H:%M:%S|%Y-%m-%d %H:%M|%Y-%m-%d|%Y/%m/%d|%Y%m%d"
    "|%d.%m.%Y %H:%M:%S|%d.%m.%Y %H:%M|%d.%m.%Y|%d.%m.%y"
    "|%d/%m/%Y %H:%M:%S|%m/%d/%Y %H:%M:%S|%d/%m/%Y %H:%M|%m/%d/%Y %H:%M|%d/%m/%Y|%m/%d/%Y|%d/%m/%y|%m/%d/%y"
    "|%m/%d/%Y %I:%M %p|%m/%d/%Y %I:%M:%S %p|%d-%m-%Y|%m-%d-%Y|%d-%m-%y|%d-%b-%Y|%d-%b-%y|%b-%d-%y|%b %d, %Y|%d %b %Y|%d. %b %Y|%B %d, %Y"
    "|%d/%m/%Y %I:%M %p|%d/%m/%Y %I:%M:%S %p|%d de %b de %Y|%d de %b de %Y %H:%M|%Y年%m月%d日|%Y年%m月%d日 %H:%M"
).split("|")
"""Formats that are tried."""


class NumberStyle(NamedTuple):
    """The marks of numbers, and whether they are sure."""

    decimal: str
    thousands: str
    lakh: bool
    sure: bool


def numbers(cells: list[str]) -> NumberStyle:
    """How these numbers are written."""
    found = [match[0].strip() for cell in cells if (match := _DIGITS.search(cell))]
    votes = {".": 0, ",": 0}
    grouped: set[str] = set()
    lakh = False
    for text in found:
        marks = [sign for sign in text if sign in ".,"]
        spaced = re.search(r"[0-9]([ '\u00a0\u202f\u2019])[0-9]{3}", text)
        if spaced:
            grouped.add({"\u00a0": " ", "\u202f": " "}.get(spaced[1], spaced[1]))
        if len(set(marks)) == 2:
            votes[marks[-1]] += 10
            grouped.add(marks[0])
            lakh |= bool(re.match(r"[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}", text))
        elif len(marks) > 1:
            votes["," if marks[0] == "." else "."] += 5
            grouped.add(marks[0])
        elif marks and not re.search(r"[.,][0-9]{3}$", text):
            votes[marks[0]] += 10
    decimal = max(votes, key=lambda mark: votes[mark])
    thousands = next((mark for mark in sorted(grouped) if mark != decimal), "")
    return NumberStyle(decimal, thousands, lakh, votes[decimal] > 0 and min(votes.values()) == 0)


class DateStyle(NamedTuple):
    """The formats that read every date, and the language of their months; ``doubt`` says why they may be others."""

    formats: list[str]
    language: str
    doubt: str = ""


def dates(cells: list[str]) -> DateStyle:
    """How these dates are written. Where nothing reads them all, there are no formats."""
    given = list(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))
    for language in ["en", *(name for name in MONTHS if name != "en")]:
        fitting = [form for form in DATES if all(_reads(text, form, language) for text in given)]
        if fitting:
            return _chosen(fitting, language)
    if given and all(re.fullmatch(r"[0-9]{5}([.,][0-9]+)?", text) for text in given):
        return DateStyle(["serial"], "en", "they look like the days that spreadsheets count")
    if given and all(re.fullmatch(r"1[0-9]{9}", text) for text in given):
        return DateStyle(["epoch"], "en")
    if given and all(re.fullmatch(r"1[0-9]{12}", text) for text in given):
        return DateStyle(["epoch_ms"], "en")
    several = [form for form in DATES if any(_reads(text, form, "en") for text in given)]
    odd = [text for text in given if not any(_reads(text, form, "en") for form in several)]
    others = sum(cell.strip() in odd for cell in cells)
    if given and others * 4 <= len(cells):
        fault = (
            f"{others} of {len(cells)} dates fit none, such as {odd[0]!r}"
            if odd
            else "no single format reads all of them"
        )
        return DateStyle(several[:4], "en", fault)
    return DateStyle([], "en", "no known format reads them")


def _chosen(fitting: list[str], language: str) -> DateStyle:
    first = fitting[0]
    swapped = first.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    if swapped != first and swapped in fitting:
        return DateStyle([first], language, f"they fit {swapped} as well: no day is above 12")
    return DateStyle([first], language)


def _reads(text: str, form: str, language: str) -> bool:
    if "%b" in form or "%B" in form:
        text = _english(text, language)
        form = form.replace("%B", "%b")
    if "%p" in form:
        text = halves(text)
    try:
        found = datetime.strptime(text, form)  # noqa: DTZ007 - whether it can be read, nothing else
    except ValueError:
        return False
    return 1980 < found.year < 2100


def _english(text: str, language: str) -> str:
    names = beginnings(language)

    def month(word: re.Match[str]) -> str:
        return next((english for start, english in names.items() if word[0].casefold().startswith(start)), word[0])

    return re.sub(r"[^\W\d_]{3,}\.?", month, text)
