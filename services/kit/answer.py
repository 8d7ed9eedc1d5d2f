"""What a command answers: references to what it created or changed, or its problems. Both can be stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.problems import IDEMPOTENCY_KEY_REUSED, Problem

References = Mapping[str, UUID | list[UUID]]
"""Ids by what they are of, such as ``{"order_id": …}``; the payload is read by them."""


@dataclass(frozen=True)
class CommandResult:
    """``references`` of a command that was carried out; else its ``problems``."""

    references: References
    problems: tuple[Problem, ...] = ()
    commit: UUID | None = None
    """Its place in the log of commits; None where nothing was changed."""

    @property
    def is_conflict(self) -> bool:
        """Whether it says that the key belongs to another input: that is no answer to keep under it."""
        return any(problem.code == IDEMPOTENCY_KEY_REUSED for problem in self.problems)

    def stored(self) -> dict[str, Any]:
        """The answer as JSON has it; UUIDs are written as text."""
        problems = [[each.code, each.message, each.path, each.facts] for each in self.problems]
        kept = {"references": self.references, "problems": problems}
        return kept if self.commit is None else kept | {"commit": self.commit}

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> "CommandResult":
        """The answer that ``stored`` was made of."""
        problems = (
            Problem(code, message, tuple(path), _in(facts)) for code, message, path, facts in stored["problems"]
        )
        commit = stored.get("commit")  # answers of the release before have none
        return cls(_in(stored["references"]), tuple(problems), commit and UUID(commit))


def _in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names say what is an id: ``…_id`` and ``…_ids``."""
    return {name: _id(name, value) for name, value in values.items()}


def _id(name: str, value: Any) -> Any:
    if name.endswith("_ids"):
        return [UUID(each) for each in value]
    return UUID(value) if name.endswith("_id") else value
