"""The file: its encoding, its lines and its rows, one at a time, whatever is in it."""

import codecs
import contextlib
import csv
import gzip
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

from core.errors import BadInput
from core.text import composed
from services.imports.mapping import File

MAX_ROW = 1_000_000
"""Characters of a row; a longer one is not read into memory."""

_GZIP = b"\x1f\x8b"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods begin, as all zip archives, and .xls."""

DOS_END = "\x1a"
"""What old programs write behind the last line."""

KEPT = 1_000
"""Characters that are kept of a line that is longer than a row may be."""


class SourceRow(NamedTuple):
    """A row: the number of the line it starts on, its text, its cells.

    ``fault`` says why the cells can't be relied on, ``left_out`` why it is no row of data.
    """

    line: int
    text: str
    cells: list[str]
    fault: str | None = None
    left_out: str | None = None


class Dialect(NamedTuple):
    """How cells are told from each other."""

    delimiter: str
    quote: str = '"'
    escape: str = ""

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            strict=strict,
        )

    def write(self, stream: TextIO, cells: Sequence[object]) -> None:
        """Write a row that ``reader`` reads as these cells. Without quotes what would end a cell becomes a blank."""
        if self.quote:
            csv.writer(
                stream,
                delimiter=self.delimiter,
                quotechar=self.quote,
                escapechar=self.escape or None,
                doublequote=True,
                lineterminator="\n",
            ).writerow(cells)
        else:
            ends = str.maketrans(dict.fromkeys([self.delimiter, "\n", "\r"], " "))
            doubled = (str(cell).replace(self.escape, self.escape * 2) if self.escape else str(cell) for cell in cells)
            stream.write(self.delimiter.join(cell.translate(ends) for cell in doubled) + "\n")


_SEPARATOR = re.compile(r'"?sep=(.)"?\s*')
"""The line by which Excel tells itself the delimiter."""

LOOKED_AT = 100
"""Rows in which the header is looked for."""

OURS = ("line", "reason")
"""The columns that a rejected file has in front."""


class _TooLongError(Exception):
    pass


class _Lines:
    """The physical lines, and those that the current row is made of."""

    def __init__(self, stream: TextIOWrapper, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._again: deque[str] = deque()
        self._size = 0
        self.number = 0
        self.row: list[str] = []

    def begin(self) -> None:
        """Begin a row."""
        self.row, self._size = [], 0

    def next(self) -> str:
        """The next line, or the empty string at the end."""
        line = self._again.popleft() if self._again else self._read()
        if line:
            self.row.append(line)
            self.number += 1
            self._size += len(line)
            if self._size >= MAX_ROW:
                raise _TooLongError
        return line

    def _read(self) -> str:
        """A line, or as much of it as a row may have. Raises ``BadInput`` where the file is unreadable."""
        try:
            line = self._stream.readline(MAX_ROW)
            # The BOM that Excel writes is no part of the first header.
            return line if self.number else line.removeprefix("\ufeff")
        except UnicodeError as error:
            raise BadInput(undecodable(self._path, self._stream.encoding)) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(f"{self._path} is damaged: its gzip data end too early or are broken.") from error
        except OSError as error:
            raise BadInput(f"{self._path} can't be read: {error.strerror}.") from error

    def peek(self) -> str:
        """The file's first line, which is still the next."""
        line = self._read()
        if line:
            self._again.append(line)
        return line

    def give_back(self) -> str:
        """Only the first line of the row: the others are read again, as rows of their own."""
        first, *others = self.row
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        if len(first) < MAX_ROW:
            return first
        # The rest of a line that was cut; there is none behind it yet that was read.
        end = first[-1]
        while end not in "\n\r" and (more := self._read()):
            end = more[-1]
        # \r and \n of one line's end may have been cut apart.
        if end == "\r" and (more := self._read()) not in {"\n", ""}:
            self._again.append(more)
        return first[:KEPT]


def _separator(lines: _Lines) -> str | None:
    """The delimiter that the file's first line names, if it does: the line is no row then."""
    found = _SEPARATOR.fullmatch(lines.peek())
    if found:
        lines.begin()
        lines.next()
    return found[1] if found else None


class Source:
    """An open file of rows, after its header.

    ``ours`` counts the columns in front that an import put there itself, when it wrote the file as its list of rejected
    rows. ``headers_again`` are the lines, so far, where the header comes again.
    """

    def __init__(self, lines: _Lines, file: File, wanted: Sequence[str], tell: Callable[[], int], size: int) -> None:
        self._lines = lines
        self._comment = file.comment
        self._width = len(file.names)
        self.dialect = Dialect(_separator(lines) or file.delimiter, file.quote, file.escape)
        self._rows = self._read()
        self.tell, self.size = tell, size
        self.headers_again: list[int] = []
        self._waiting: list[SourceRow] = []
        self.header = self._find_header(file, wanted)
        self._width = len(self.header)
        self.ours = _ours(self.header, wanted)

    def __iter__(self) -> Iterator[SourceRow]:
        for row in chain(self._waiting, self._rows):
            if row.fault is None and row.left_out is None:
                first = row.cells[0].strip()
                if first == DOS_END or (not first and not any(cell.strip() for cell in row.cells)):
                    yield row._replace(left_out="empty")
                    continue
                if first == self.header[0] and self._is_header(row.cells):
                    self.headers_again.append(row.line)
                    yield row._replace(left_out="header")
                    continue
            yield row

    def _is_header(self, cells: list[str]) -> bool:
        """Is this the header once more? Exports that were put one behind the other have it between them."""
        width = len(self.header)
        trimmed = [cell.strip() for cell in cells]
        return trimmed[:width] == self.header and not any(trimmed[width:])

    def _find_header(self, file: File, wanted: Sequence[str]) -> list[str]:
        """The header, past the lines above it. A list of rejected rows has it in the first line, wherever the file has it."""
        looked: list[SourceRow] = []
        for row in self._rows:
            looked.append(row)
            cells = [cell.strip() for cell in row.cells]
            if row.left_out:
                continue
            if len(looked) == 1 and tuple(cells[:2]) in _names_of_ours() and set(file.names or wanted) <= set(cells):
                return cells
            if file.header_row is None and (file.names or not wanted):
                break
            if file.header_row is None and not row.fault and _has(cells, wanted):
                return cells
            if file.header_row == row.line and not row.fault:
                return file.names or cells
            if len(looked) == LOOKED_AT or row.line > (file.header_row or row.line):
                break
        return self._without(file, looked)

    def _without(self, file: File, looked: list[SourceRow]) -> list[str]:
        """The header of a file in which none was found. Raises ``BadInput`` for one that must have it."""
        rows = [row for row in looked if not row.left_out]
        if not rows:
            raise BadInput("The file is empty: it has no header line.")
        if file.header_row:
            raise BadInput(f"The file has no header in line {file.header_row}: no row begins there.")
        if file.names:
            self._waiting = looked
            return list(file.names)
        if rows[0].fault:
            raise BadInput("The header can't be read: " + rows[0].fault)
        # What is missing in it is told by name.
        return [cell.strip() for cell in rows[0].cells]

    def _read(self) -> Iterator[SourceRow]:
        lines = self._lines
        reader = self.dialect.reader(iter(lines.next, ""))
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (_TooLongError, csv.Error):
                cells = None
            if self._comment and lines.row and lines.row[0].startswith(self._comment):
                first = lines.give_back()
                yield SourceRow(lines.number, first, [], left_out="comment")
                reader = self.dialect.reader(iter(lines.next, ""))
            elif cells is None or (len(lines.row) > 1 and not self._well_quoted(lines.row)):
                yield self._broken()
                reader = self.dialect.reader(iter(lines.next, ""))
            elif cells:  # an empty line is no row
                text = "".join(lines.row)
                cells = cells if text.isascii() else [*map(in_form, cells)]
                yield SourceRow(lines.number - len(lines.row) + 1, text, cells)

    def _well_quoted(self, lines: list[str]) -> bool:
        """Do several lines make one row, or has a stray quote swallowed the ends of the first ones?

        Lines that each have as many cells as the header, if quotes mean nothing, may be rows of a file without quoting
        whose quotes happen to come in pairs: nobody can tell.
        """
        if self._width > 1 and all(line.count(self.dialect.delimiter) == self._width - 1 for line in lines):
            return False
        with contextlib.suppress(csv.Error):
            return len(list(self.dialect.reader(lines, strict=True))) == 1
        return False

    def _broken(self) -> SourceRow:
        single = len(self._lines.row) == 1
        text = self._lines.give_back()
        fault = "text: A cell or the line is too long." if single else UNCLOSED
        return SourceRow(self._lines.number, text, [], fault)


def in_form(cell: str) -> str:
    """A cell in form NFC, as mappings are read and keys are kept: macOS writes an umlaut as two characters. What can't be a text
    stays as it is, and is refused where it is used.
    """
    try:
        return cell if cell.isascii() else composed(cell)
    except ValueError:
        return cell


UNCLOSED = 'quotes: A quote is opened and never closed. If quotes mean nothing in this file, set file.quote to "".'


def _has(cells: list[str], wanted: Sequence[str]) -> bool:
    """Are these the headers that are wanted? Of a header that comes again, the second is NAME#2."""
    return all(place(cells, name) is not None for name in wanted)


def place(header: list[str], name: str) -> int | None:
    """Where a column is; of several of one name, the second is NAME#2."""
    if name in header:
        return header.index(name)
    plain, _, number = name.rpartition("#")
    places = [index for index, cell in enumerate(header) if cell == plain]
    return places[int(number) - 1] if number.isdecimal() and 1 <= int(number) <= len(places) else None


def _names_of_ours() -> list[tuple[str, ...]]:
    return [OURS, *(tuple(f"{name}_{number}" for name in OURS) for number in range(2, 10))]


def names_of_ours(header: list[str]) -> tuple[str, ...]:
    """What the columns in front of rejected rows are called, so that the file has no other ones of these names."""
    return next(names for names in _names_of_ours() if not set(names) & set(header))


def _ours(header: list[str], wanted: Sequence[str]) -> int:
    ours = tuple(header[:2]) in _names_of_ours() and not set(header[:2]) & set(wanted)
    return len(OURS) if ours else 0


@contextlib.contextmanager
def opened(path: Path, file: File, wanted: Sequence[str] = ()) -> Iterator[Source]:
    """The rows of a file, plain or gzip, below the header that has the columns ``wanted``. Raises ``BadInput`` for a file
    that can't be read to its end.
    """
    with contextlib.ExitStack() as stack:
        try:
            binary = stack.enter_context(path.open("rb"))
            refuse_workbook(path, binary.peek(4))
            plain = gzip.GzipFile(fileobj=binary) if binary.peek(2)[:2] == _GZIP else binary
            with contextlib.suppress(OSError, EOFError, zlib.error):  # it is told when the lines are read
                _check_mark(plain.peek(len(codecs.BOM_UTF8)), file.encoding)
            stream = TextIOWrapper(plain, file.encoding, newline="")
            size = path.stat().st_size
        except OSError as error:
            raise BadInput(f"{path} can't be read: {error.strerror}.") from error
        stack.enter_context(stream)
        yield Source(_Lines(stream, path), file, wanted, binary.tell, size)


def refuse_workbook(path: Path, start: bytes) -> None:
    """Raise ``BadInput`` for a file that begins as a workbook, of which nothing can be read as text."""
    if start.startswith(_WORKBOOKS):
        raise BadInput(f"{path} is a workbook or an archive, not a text file: save the sheet as CSV, or unpack it.")


def undecodable(path: Path, encoding: str) -> str:
    """Where a file isn't in its encoding, for those who must correct the one or the other. Reads it again, up to there."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as binary:
        plain = gzip.GzipFile(fileobj=binary) if binary.peek(2)[:2] == _GZIP else binary
        try:
            for line, piece in enumerate(iter(lambda: plain.readline(MAX_ROW), b""), 1):  # noqa: B007 - told where it ends
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            what = (
                f"line {line} has the byte 0x{error.object[error.start]:02X}, which isn't any of its characters there"
            )
            return (
                f"{path} is not written in {encoding}: {what}. Set file.encoding in the mapping, or correct that line."
            )
        except UnicodeError:  # of UTF-16 without its mark
            return f"{path} doesn't begin with a byte order mark: set file.encoding to utf-16-le or utf-16-be in the mapping."
    return f"{path} is not written in {encoding}. Set file.encoding in the mapping."


_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def _check_mark(start: bytes, encoding: str) -> None:
    """Refuse a file that begins with the mark of another encoding: UTF-8 read as cp1252 breaks no rule, and its letters."""
    written = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    name = codecs.lookup(encoding).name
    if written is not None and not name.startswith((written, "utf-32")):
        message = f"The file begins with the mark of {written}, and the mapping says {encoding}: correct file.encoding."
        raise BadInput(message)


def reread(text: str, dialect: Dialect) -> list[str]:
    """The cells of a row's text, as well as they can be told."""
    try:
        return next(dialect.reader(StringIO(text, newline="")))
    except (csv.Error, StopIteration):
        return [text]
