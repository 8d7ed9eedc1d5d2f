"""Hooks: what a module adds to the doing of one below it, which knows nothing of it.

The lower module has the ``Hook``. The upper one lists what it adds in ``HOOKS``, in ``services/<module>``: a name that doesn't
exist fails at its import, a wrong type in the type checker. All of ``core.modules`` are asked, whichever the graph shows: what
holds for stored rows doesn't depend on who imported what.
"""

from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from core.modules import declared

T = TypeVar("T")


class Hooked(NamedTuple):
    """What a module adds, and to what."""

    hook: "Hook[Any]"
    value: Any


class Hook(Generic[T]):
    """A place of a lower module that upper ones add something to."""

    def add(self, value: T) -> Hooked:
        """An entry of an upper module's ``HOOKS``."""
        return Hooked(self, value)

    @cached_property
    def added(self) -> tuple[T, ...]:
        """What the modules add, lower ones first. Not before all of them can be imported: in a function."""
        return tuple(each.value for hooks in declared("services", "HOOKS") for each in hooks if each.hook is self)
