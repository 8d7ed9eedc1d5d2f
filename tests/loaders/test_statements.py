"""Statements are compiled once, and the store of them is bounded."""

from sqlalchemy import ARRAY, Integer, Text, Uuid, select

from core import ids
from db.catalog import Product
from loaders.kit import statements
from loaders.kit.statements import constant, statement, value


def test_a_shape_is_built_once() -> None:
    built = []

    def build() -> object:
        built.append(1)
        return select(Product.sku).where(Product.id == value("key", Uuid())).limit(value("limit", Integer()))

    made = [statement(("once", ids.new_id().version), build) for _ in range(3)]  # type: ignore[arg-type]  # any clause will do
    assert (built, len({id(each) for each in made})) == ([1], 1)
    assert "$1" in made[0].sql
    assert "$2" in made[0].sql
    assert {*made[0].names} == {"key", "limit"}
    assert made[0].values({"key": "k", "limit": 5, "other": 6}) == [
        {"key": "k", "limit": 5}[name] for name in made[0].names
    ]


def test_the_least_recently_used_are_forgotten() -> None:
    kept = statement("kept", lambda: select(constant(1)))
    for number in range(statements._CAPACITY + 10):
        statement(("flood", number), lambda: select(constant(2)))
        if number % 100 == 0:
            assert statement("kept", lambda: select(constant(3))) is kept
    assert len(statements._statements) == statements._CAPACITY
    assert ("flood", 0) not in statements._statements


def test_arrays_are_one_parameter() -> None:
    made = statement("array", lambda: select(Product.id).where(Product.sku == value("keys", ARRAY(Text())).any_()))
    assert made.names == ("keys",)
    assert made.sql.count("$1") == 1
