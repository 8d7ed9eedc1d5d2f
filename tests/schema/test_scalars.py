"""What the graph writes it reads back, the same: for every scalar, whatever its value."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from core.money import KNOWN
from tests.support.graph import schema

NUMBERS = st.decimals(-(10**14) + 1, 10**14 - 1, places=6, allow_nan=False)


def scalar(name: str) -> Any:
    return schema()._schema.type_map[name]


@given(value=NUMBERS)
def test_a_decimal_is_read_as_it_was_written(value: Decimal) -> None:
    text = scalar("Decimal").serialize(value)
    assert scalar("Decimal").parse_value(text) == value
    assert scalar("Decimal").serialize(scalar("Decimal").parse_value(text)) == text


@given(value=st.integers(-(10**20) + 1, 10**20 - 1))
def test_a_decimal_may_be_a_whole_number_of_json(value: int) -> None:
    assert scalar("Decimal").parse_value(value) == value


@given(value=st.datetimes(timezones=st.just(UTC)))
def test_s9_a_moment_is_read_as_it_was_written(value: datetime) -> None:
    assert scalar("DateTime").parse_value(scalar("DateTime").serialize(value)) == value


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_a_currency_is_read_as_it_is_written(code: str) -> None:
    assert scalar("CurrencyCode").parse_value(scalar("CurrencyCode").serialize(code)) == code


@pytest.mark.parametrize("name", ["Decimal", "DateTime", "CurrencyCode"])
@given(given_text=st.text(max_size=30))
def test_what_is_read_can_be_written_and_read_again(name: str, given_text: str) -> None:
    try:
        found = scalar(name).parse_value(given_text)
    except GraphQLError:
        return
    assert scalar(name).parse_value(scalar(name).serialize(found)) == found
