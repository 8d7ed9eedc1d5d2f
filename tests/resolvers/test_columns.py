"""Leaves in their final form, a column at a time."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from execution import Batch
from resolvers import columns


def batch(*sources: Any) -> Batch:
    return Batch(sources, {}, None, None)  # type: ignore[arg-type]  # nothing is selected


@pytest.mark.parametrize(
    "at, text",
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), "2026-01-02T03:04:05.000600Z"),
        (None, None),
    ],
)
def test_times_are_utc_with_z(at: datetime | None, text: str | None) -> None:
    assert list(columns.moment("at")(batch({"at": at}, {"at": at}))) == [text, text]


def test_ids_are_a_prefix_and_hex() -> None:
    key = UUID(int=1)
    assert list(columns.identifier("ord")(batch({"id": key}))) == ["ord_00000000000000000000000000000001"]


def test_money_is_an_amount_and_its_currency_or_nothing() -> None:
    rows = [{"a": "1.500000", "c": "EUR"}, {"a": None, "c": None}, {"a": "2.000000", "c": "JPY"}]
    assert list(columns.money("a", "c", total=True)(batch(*rows))) == [("1.50", "EUR"), None, ("2", "JPY")]
    assert list(columns.money("a", "c", total=False)(batch(*rows))) == [("1.50", "EUR"), None, ("2", "JPY")]
    assert list(columns.money("a", "c", total=True)(batch())) == []
    assert list(columns.money("a", "c", total=True)(batch(rows[0], rows[0]))) == [("1.50", "EUR")] * 2


def test_parts_of_tuples_and_stored_values() -> None:
    assert list(columns.item(1)(batch((1, 2), (3, 4)))) == [2, 4]
    assert list(columns.stored("x")(batch({"x": 1}, {"x": None}))) == [1, None]
