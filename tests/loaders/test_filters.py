"""A ``where``, split into the shape that makes the SQL and the values that a request brings."""

from typing import Any

import pytest

from core.errors import BadInput
from loaders.catalog import products
from loaders.kit import filters
from loaders.kit.statements import statement
from loaders.sales import orders


def test_the_same_shape_whatever_is_looked_for() -> None:
    shapes = set()
    for sku, price in (("a", 1), ("b", 2), ("' OR 1=1 --", 3)):
        where: Any = {"or": [{"sku": {"contains": sku}}, {"not": {"listPrice": {"gt": price}}}]}
        shape, values = filters.normalise(products.filters, where)
        shapes.add(shape)
        assert values == (sku, price)
    assert shapes == {
        ("and", ("or", ("and", ("is", "sku", "contains")), ("and", ("not", ("and", ("is", "listPrice", "gt"))))))
    }


def test_no_value_is_in_the_sql() -> None:
    where: Any = {"number": {"in": ["needle", "needle"]}, "lineItems": {"some": {"sku": {"startsWith": "needle"}}}}
    shape, values = filters.normalise(orders.filters, where)
    assert values == (("needle", "needle"), "needle")
    made = statement(("test", shape), lambda: filters.condition(orders.filters, shape))
    assert "needle" not in made.sql
    assert [name for name in made.names if name.startswith("w")] == ["w0", "w1"]
    assert filters.parameters(values) == {"w0": ("needle", "needle"), "w1": "needle"}


@pytest.mark.parametrize("where", [None, {}, {"sku": None}, {"and": None, "or": None, "not": None}])
def test_what_says_nothing_has_no_shape(where: Any) -> None:
    assert filters.normalise(products.filters, where) == (("and",), ())


@pytest.mark.parametrize("text", ["a\0", "\ud800", "x\udfff"])
def test_text_that_the_database_cant_take(text: str) -> None:
    with pytest.raises(BadInput):
        filters.text_value(text)
