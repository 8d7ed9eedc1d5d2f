"""Patterns of numbers: what they make, and which make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.numbering import ORDER_PATTERN, series


@pytest.mark.parametrize(
    "pattern,n,number",
    [
        (ORDER_PATTERN, 1, "SO-2026-000001"),
        (ORDER_PATTERN, 999_999, "SO-2026-999999"),
        (ORDER_PATTERN, 1_000_000, "SO-2026-1000000"),
        ("{n}", 7, "7"),
        ("{n:01}", 7, "7"),
        ("{n:012}", 7, "000000000007"),
        ("{n:03}/{year}", 7, "007/2026"),
        ("{year}{year}-{n}", 7, "20262026-7"),
        ("Köln % _ \\ {n}", 7, "Köln % _ \\ 7"),
    ],
)
def test_what_patterns_make(pattern: str, n: int, number: str) -> None:
    assert series(pattern, 2026).number(n) == number


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "SO-{year}",
        "{n}{n}",
        "{n}-{n:06}",
        "{n:00}",
        "{n:6}",
        "{n:013}",
        "{n:0}",
        "{n:-06}",
        "{N}",
        "{month}-{n}",
        "{{n}}",
        "}{n}{",
        "{n",
        "n}",
        "{n!r}",
        "{n.real}",
        "{0}",
        "\n{n}",
        "a\0{n}",
        "x" * 38 + "{n}",
    ],
)
def test_patterns_that_make_no_sense(pattern: str) -> None:
    with pytest.raises(BadInput, match="A pattern of numbers has"):
        series(pattern, 2026)


def test_a_pattern_may_be_forty_characters_long() -> None:
    assert series("x" * 37 + "{n}", 2026).number(1) == "x" * 37 + "1"


def test_years_have_series_of_their_own_only_where_the_pattern_has_the_year() -> None:
    assert series(ORDER_PATTERN, 2026).name != series(ORDER_PATTERN, 2027).name
    assert series("SO-{n}", 2026).name == series("SO-{n}", 2027).name


PIECES = st.text(st.characters(codec="utf-8", exclude_characters="{}", exclude_categories=["C", "Z"]), max_size=9)


@given(PIECES, PIECES, st.integers(1, 12), st.integers(1, 10**15), st.integers(1, 10**15), st.integers(1, 9999))
def test_in_general(before: str, after: str, digits: int, one: int, two: int, year: int) -> None:
    found = series(f"{before}{{year}}{{n:0{digits}}}{after}", year)
    number = found.number(one)
    # It can be read back, by the rule that a series goes on after the numbers that are there.
    count = number[len(found.prefix) : len(number) - len(found.suffix)]
    assert (int(count), len(count)) == (one, max(digits, len(str(one))))
    assert (number == found.number(two)) == (one == two)
