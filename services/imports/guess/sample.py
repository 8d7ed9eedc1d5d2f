"""A file's first lines: its encoding, its delimiter, its quotes and its header, by evidence."""

import csv
import gzip
from pathlib import Path
from typing import NamedTuple

from core.errors import BadInput
from services.imports.source import refuse_workbook

LOOKED_AT = 200_000
"""Bytes that are looked at."""

ROWS = 500
DELIMITERS = ",;\t|"


class Sample(NamedTuple):
    """What a file's beginning tells. ``doubts`` are sentences for whoever reads the proposal."""

    encoding: str
    delimiter: str
    quote: str
    header: list[str]
    header_line: int
    rows: list[list[str]]
    doubts: list[str]


def take(path: Path) -> Sample:
    """Look at a file. Raises ``BadInput`` where it can't be read, or has no line with several cells."""
    doubts: list[str] = []
    encoding, text = _decoded(path, doubts)
    lines = text.splitlines()
    delimiter = _delimiter(lines, doubts)
    quote = _quote(lines, delimiter, doubts)
    table = list(
        csv.reader(
            lines, delimiter=delimiter, quotechar=quote or None, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
        )
    )
    at = _header(table)
    if at is None:
        raise BadInput(f"{path} doesn't look like a table: no line has several cells. Nothing is proposed.")
    header = [cell.strip() for cell in table[at]]
    rows = [row for row in table[at + 1 :] if len(row) == len(header) and any(cell.strip() for cell in row)][:ROWS]
    if at:
        doubts.append(f"The header is taken to be line {at + 1}: the lines above it have fewer cells.")
    if not rows:
        doubts.append("There are no rows below the header: nothing is known of numbers and dates.")
    return Sample(encoding, delimiter, quote, header, at + 1, rows, doubts)


def _decoded(path: Path, doubts: list[str]) -> tuple[str, str]:
    try:
        with path.open("rb") as opened:
            beginning = opened.peek(4)[:2]
            refuse_workbook(path, opened.peek(4))
            source = gzip.GzipFile(fileobj=opened) if beginning == b"\x1f\x8b" else opened
            data = source.read(LOOKED_AT)
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror or error}.") from error
    except EOFError:
        raise BadInput(f"{path} is damaged: its gzip data end too early.") from None
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16", data.decode("utf-16", "replace").removeprefix("\ufeff")
    # The last character may be cut.
    whole = data if len(data) < LOOKED_AT else data[: data.rfind(b"\n") + 1] or data
    try:
        return "utf-8", whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        doubts.append(
            "The file isn't UTF-8, and is taken for cp1252 (Windows, Western Europe): look at letters with accents."
        )
        return "cp1252", whole.decode("cp1252", "replace")


def _delimiter(lines: list[str], doubts: list[str]) -> str:
    """The character that divides most lines into the same number of cells."""
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4]
    scores = {}
    for mark in DELIMITERS:
        widths = [len(row) for row in csv.reader(lines[:100], delimiter=mark)]
        usual = max(set(widths), key=widths.count) if widths else 0
        scores[mark] = widths.count(usual) * (usual > 1) * usual
    best = max(scores, key=lambda mark: scores[mark])
    if list(scores.values()).count(scores[best]) > 1 and scores[best]:
        doubts.append("Several delimiters would fit.")
    return best


def _quote(lines: list[str], delimiter: str, doubts: list[str]) -> str:
    """Whether quotes mean something: where they stand around cells they come in pairs."""
    begun = sum(cell.startswith('"') for line in lines for cell in line.split(delimiter))
    ended = sum(cell.rstrip().endswith('"') for line in lines for cell in line.split(delimiter))
    if begun == 0 and ended == 0:
        return '"'
    odd = sum(line.count('"') % 2 for line in lines)
    if delimiter == "\t" and odd:
        doubts.append("Some lines have a single quote sign, so quotes are taken to mean nothing.")
        return ""
    return '"'


def _header(table: list[list[str]]) -> int | None:
    """The first of the widest rows among the first hundred whose cells are all text and differ."""
    widths = [len(row) for row in table[:100]]
    wide = max(widths, default=0)
    if wide < 2:
        return None
    usual = max(set(widths), key=lambda width: (widths.count(width) * (width > 1), width))
    for at, row in enumerate(table[:100]):
        if len(row) == usual and sum(bool(cell.strip()) for cell in row) * 2 > usual:
            return at
    return None
