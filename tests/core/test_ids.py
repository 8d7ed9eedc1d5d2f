"""Public ids: read back as they were written, and nothing else is one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ids
from core.errors import BadInput

PREFIX = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=5)


@given(prefix=PREFIX, key=st.uuids())
def test_an_id_is_read_back(prefix: str, key: UUID) -> None:
    text = ids.encode(prefix, key)
    assert text == f"{prefix}_{key.hex}"
    assert ids.parse(text) == (prefix, key)
    assert ids.decode(prefix, text) == key


@given(text=st.text(max_size=80))
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        ids.parse(text)
    assert (refused.value.code, refused.value.path) == ("BAD_USER_INPUT", ())


@given(key=st.uuids())
def test_an_id_of_another_type_is_refused(key: UUID) -> None:
    with pytest.raises(BadInput, match="starts with par_, and ord_ is expected"):
        ids.decode("ord", ids.encode("par", key))


def test_new_ids_are_version_7_and_rise() -> None:
    made = [ids.new_id() for _ in range(1_000)]
    assert {key.version for key in made} == {7}
    assert made == sorted(made)
    assert len({*made}) == 1_000


def test_a_long_text_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(BadInput):
        ids.parse("ord_" + "0" * 1_000_000)
