"""Pages and cursors, without a database."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.paging import Page, decode_cursor, digest, encode_cursor, page

VALUES = st.lists(
    st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)), max_size=4
)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((None, None, None, None), Page(20, False, None, None)),
        ((0, None, None, None), Page(0, False, None, None)),
        ((250, "a", None, "b"), Page(250, False, "a", "b")),
        ((None, None, 5, None), Page(5, True, None, None)),
        ((None, "a", None, None), Page(20, False, "a", None)),
        ((None, None, None, "b"), Page(20, True, None, "b")),
        ((None, "a", None, "b"), Page(20, False, "a", "b")),
        ((None, "a", 3, "b"), Page(3, True, "a", "b")),
    ],
)
def test_a_page(arguments: tuple[Any, ...], expected: Page) -> None:
    assert page(*arguments) == expected


@pytest.mark.parametrize(
    "first, last, path",
    [
        (1, 1, "last"),
        (0, 0, "last"),
        (-1, None, "first"),
        (251, None, "first"),
        (None, 251, "last"),
        (None, -1, "last"),
    ],
)
def test_a_page_that_makes_no_sense(first: int | None, last: int | None, path: str) -> None:
    with pytest.raises(BadInput) as refused:
        page(first, None, last, None)
    assert refused.value.path == (path,)


@given(mark=st.text("0123456789abcdef", min_size=12, max_size=12), values=VALUES)
def test_a_cursor_is_read_back_by_its_own_list_alone(mark: str, values: list[str | None]) -> None:
    cursor = encode_cursor(mark, tuple(values))
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")
    assert decode_cursor(mark, cursor, len(values)) == tuple(values)
    for other, size in ((mark[::-1] + "x", len(values)), (mark, len(values) + 1)):
        with pytest.raises(BadInput):
            decode_cursor(other, cursor, size)


def test_a_cursor_stays_what_clients_have_kept() -> None:
    kept = "WyIwMTIzNDU2Nzg5YWIiLCLDhCBcImJcIlxuIixudWxsLCIyMDI2LTExLTI4Il0"
    assert encode_cursor("0123456789ab", ('Ä "b"\n', None, "2026-11-28")) == kept


@given(cursor=st.text(max_size=200))
def test_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput):
        decode_cursor("0" * 12, cursor, 2)


def test_digests_tell_lists_apart() -> None:
    parts: list[tuple[object, ...]] = [("a", "b"), ("ab",), ("a", None), (("a", "b"),), ("a", "'b'"), ()]
    assert len({digest(*each) for each in parts}) == len(parts)
    assert digest("a", "b") == digest("a", "b")
    assert len(digest("a")) == 12
