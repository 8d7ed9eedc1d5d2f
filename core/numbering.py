"""Numbers that people use, such as an order's: ``SO-2026-000123``, by a tenant's pattern."""

import re
from functools import lru_cache
from typing import NamedTuple

from core.errors import BadInput

ORDER_PATTERN = "SO-{year}-{n:06}"
MAX_LENGTH = 40

_PIECE = re.compile(r"\{n(?::0([1-9]|1[0-2]))?\}")


class Series(NamedTuple):
    """The numbers of a pattern, those of one year where it has the year: what is before and after the
    count, and its least number of digits.
    """

    prefix: str
    digits: int
    suffix: str

    @property
    def name(self) -> str:
        return f"{self.prefix}#{self.suffix}"

    def number(self, n: int) -> str:
        """The ``n``-th number; past the least number of digits it grows longer."""
        return f"{self.prefix}{n:0{self.digits}}{self.suffix}"


@lru_cache(maxsize=1_000)
def series(pattern: str, year: int) -> Series:
    """The series of a pattern such as ``SO-{year}-{n:06}`` in a year.

    Raises ``BadInput`` for a pattern without exactly one ``{n}``, or with anything else in braces.
    """
    dated = pattern.replace("{year}", str(year))
    pieces = _PIECE.split(dated)
    sound = len(pieces) == 3 and not {"{", "}"} & set(pieces[0] + pieces[2])
    if not sound or len(pattern) > MAX_LENGTH or not pattern.isprintable():
        raise BadInput(
            "A pattern of numbers has {n}, or {n:06} for six digits, once, and {year} where wanted: SO-{year}-{n:06}"
        )
    prefix, digits, suffix = pieces
    return Series(prefix, int(digits or 1), suffix)
