"""The file: its encoding, its lines and its rows, one at a time, whatever is in it."""

import contextlib
import csv
import gzip
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

from core.errors import BadInput
from services.imports.mapping import File

MAX_ROW = 1_000_000
"""Characters of a row; a longer one is not read into memory."""

_GZIP = b"\x1f\x8b"

KEPT = 1_000
"""Characters that are kept of a line that is longer than a row may be."""


class SourceRow(NamedTuple):
    """A row: the number of the line it starts on (the header is line 1), its text, its cells.

    ``fault`` says why the cells can't be relied on.
    """

    line: int
    text: str
    cells: list[str]
    fault: str | None = None


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
            raise BadInput(
                f"{self._path} is not written in {self._stream.encoding}: something after line "
                f"{self.number} can't be read. Set file.encoding in the mapping."
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(f"{self._path} is damaged: its gzip data end too early or are broken.") from error
        except OSError as error:
            raise BadInput(f"{self._path} can't be read: {error.strerror}.") from error

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


class Source:
    """An open file of rows, after its header."""

    def __init__(self, lines: _Lines, delimiter: str, tell: Callable[[], int], size: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._rows = self._read()
        self.tell, self.size = tell, size
        header = next(self._rows, None)
        if header is None:
            raise BadInput("The file is empty: it has no header line.")
        if header.fault:
            raise BadInput("The header can't be read: " + header.fault)
        self.header = [cell.strip() for cell in header.cells]

    def __iter__(self) -> Iterator[SourceRow]:
        return self._rows

    def _read(self) -> Iterator[SourceRow]:
        lines = self._lines
        reader = csv.reader(iter(lines.next, ""), delimiter=self._delimiter)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (_TooLongError, csv.Error):
                cells = None
            if cells is None or (len(lines.row) > 1 and not self._well_quoted(lines.row)):
                yield self._broken()
                reader = csv.reader(iter(lines.next, ""), delimiter=self._delimiter)
            elif cells:  # an empty line is no row
                yield SourceRow(lines.number - len(lines.row) + 1, "".join(lines.row), cells)

    def _well_quoted(self, lines: list[str]) -> bool:
        """Do several lines make one row, or has a stray quote swallowed the ends of the first ones?"""
        with contextlib.suppress(csv.Error):
            return len(list(csv.reader(lines, delimiter=self._delimiter, strict=True))) == 1
        return False

    def _broken(self) -> SourceRow:
        single = len(self._lines.row) == 1
        text = self._lines.give_back()
        fault = "text: A cell or the line is too long." if single else "quotes: A quote is opened and never closed."
        return SourceRow(self._lines.number, text, [], fault)


@contextlib.contextmanager
def opened(path: Path, file: File) -> Iterator[Source]:
    """The rows of a file, plain or gzip. Raises ``BadInput`` for a file that can't be read to its end."""
    with contextlib.ExitStack() as stack:
        try:
            binary = stack.enter_context(path.open("rb"))
            plain = gzip.GzipFile(fileobj=binary) if binary.peek(2)[:2] == _GZIP else binary
            stream = TextIOWrapper(plain, file.encoding, newline="")
            size = path.stat().st_size
        except OSError as error:
            raise BadInput(f"{path} can't be read: {error.strerror}.") from error
        stack.enter_context(stream)
        yield Source(_Lines(stream, path), file.delimiter, binary.tell, size)


def reread(text: str, delimiter: str) -> list[str]:
    """The cells of a row's text, as well as they can be told."""
    try:
        return next(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return [text]
