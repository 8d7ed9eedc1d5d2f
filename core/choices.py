"""Closed sets of names, written once: the database checks them, services take them, the graph describes them."""

from enum import StrEnum
from typing import Any, Self


class Choice(StrEnum):
    """A set of names, each with its meaning: ``DRAFT = auto(), "Being put together; holds no stock."``.

    A member is its name, as text; ``description`` is what the graph says of it.
    """

    description: str

    def __new__(cls, name: str, description: str) -> Self:
        """A member: its name, which ``auto()`` stands for, and its meaning."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.description = description
        return member

    @staticmethod
    def _generate_next_value_(name: str, *_: Any) -> str:
        return name
