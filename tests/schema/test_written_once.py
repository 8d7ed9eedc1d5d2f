"""A declaration that doesn't fit fails when it is imported, not when a client asks."""

from decimal import Decimal
from enum import auto
from importlib import import_module
from typing import Any

import pytest

from core.choices import Choice
from loaders.catalog import ProductById, products
from schema.catalog import ProductRef
from schema.fields import lookup
from schema.inputs import input_type, where_input
from schema.module import WrongDeclaration
from services.kit.command import Change, Command, Input


class Size(Choice):
    """How large something is."""

    SMALL = auto(), "Fits into a letter."
    LARGE = auto(), "Doesn't."


def fields(model: type[Input]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for field in input_type(model).__strawberry_definition__.fields:
        optional = "" if "Optional" not in type(field.type).__name__ else "?"
        found[field.graphql_name] = (optional, field.default if isinstance(field.default, (int, str)) else None)
    return found


def test_an_input_has_its_commands_fields_in_their_order_and_what_all_have_last() -> None:
    class Weigh(Command):
        """Something to be weighed."""

        limit: Decimal
        """At most so much."""
        gross: bool = False
        """With the package."""
        note: str | None = None
        """A free text."""

    assert fields(Weigh) == {
        "limit": ("", None),
        "gross": ("", False),
        "note": ("?", None),
        "idempotencyKey": ("?", None),
    }


def test_a_default_of_a_change_is_for_new_records_only() -> None:
    class Rename(Change):
        """Something to be renamed."""

        size: Size = Size.SMALL
        """How large it is; SMALL for a new one."""

    assert fields(Rename) == {"size": ("?", None), "expectedVersion": ("?", None), "idempotencyKey": ("?", None)}


def test_a_field_without_a_description() -> None:
    class Silent(Input):
        """Says nothing."""

        limit: Decimal

    with pytest.raises(WrongDeclaration, match=r"Silent\.limit has no description"):
        input_type(Silent)


def test_a_field_of_a_type_that_the_graph_does_not_have() -> None:
    class Odd(Input):
        """Has bytes."""

        content: bytes
        """What is in it."""

    with pytest.raises(WrongDeclaration, match=r"Odd\.content is of a type that the graph doesn't have"):
        input_type(Odd)


def test_a_look_up_by_other_keys_than_its_input_has() -> None:
    with pytest.raises(WrongDeclaration, match=r"ProductRef has the keys .* and there are loaders for \['id'\]"):
        lookup("A product.", ProductRef, {"id": ProductById})


def test_a_lower_modules_input_has_no_filter_of_an_upper_one() -> None:
    import_module("loaders.inventory")  # which adds to the filters of products
    assert "available" in products.filters
    names = {field.graphql_name for field in where_input(products, "products").__strawberry_definition__.fields}
    assert "available" not in names
    assert names > {"and", "or", "not", "sku"}


def test_a_choice_is_its_name() -> None:
    assert [*Size] == ["SMALL", "LARGE"]
    assert Size.SMALL.description == "Fits into a letter."
    assert f"{Size.LARGE}" == "LARGE"
    assert {"SMALL": 1}[Size.SMALL] == 1
