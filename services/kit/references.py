"""Records of upper modules that inputs of lower ones name: the upper module says what there is."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from services.kit.command import Ref
from services.kit.hooks import Hook
from services.kit.work import UnitOfWork

R = TypeVar("R", bound=Ref)
Find = Callable[[UnitOfWork, R], Awaitable[UUID | None]]
"""The id of the record that an input names; None where there is none."""


async def named(work: UnitOfWork, finders: Hook[Find[R]], ref: R | None, what: str, path: str) -> UUID | None:
    """The id of what an input names, if it names something. A problem is noted where there is no such record."""
    if ref is None:
        return None
    for find in finders.added:
        found = await find(work, ref)
        if found is not None:
            return found
    work.problems.missing(f"{what} with the {ref}", path)
    return None
