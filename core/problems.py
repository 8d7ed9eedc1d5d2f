"""Problems that the caller of a command can correct: they become ``userErrors``, and nothing was changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.money import decimal_text

Path = tuple[str, ...]

INVALID_INPUT = "INVALID_INPUT"
NOT_FOUND = "NOT_FOUND"
DUPLICATE = "DUPLICATE"
VERSION_CONFLICT = "VERSION_CONFLICT"
IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"

ERROR_CODES = {
    INVALID_INPUT: "A value that is invalid, or not allowed here.",
    NOT_FOUND: "The tenant has no record with this key.",
    DUPLICATE: "Another record already has this key.",
    VERSION_CONFLICT: "The record was changed since the version that the caller expected.",
    IDEMPOTENCY_KEY_REUSED: "The idempotencyKey was used with another input before.",
}
"""The codes that belong to no module, and what they mean. A module declares its own in ``core/<module>.py``."""


@dataclass(frozen=True)
class Problem:
    """What is wrong, where in the input, and the facts that its code promises.

    ``path`` starts with "input"; indexes are strings: ``("input", "lineItems", "2", "quantity")``.
    Decimals among the facts are text.
    """

    code: str
    message: str
    path: Path
    facts: dict[str, Any] = field(default_factory=dict)


class CommandRejected(Exception):
    """A command that can't be carried out as it is. Carries all its problems, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


class Problems:
    """Gathers the problems of an input, so that the caller hears of all at once.

    ``known`` are those of values that couldn't be read: something harmless stands in their places, and what is found
    wrong with that isn't reported.
    """

    def __init__(self, known: Iterable[Problem] = ()) -> None:
        self.known = tuple(known)
        self.found: list[Problem] = [*self.known]
        # As sets: 500 lines of which four values are bad are compared with 500 problems of the look-ups.
        self._bad = {each.path for each in self.known}
        self._above = {path[:end] for path in self._bad for end in range(len(path) + 1)}

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, code: str, message: str, *path: str | int, **facts: Any) -> None:
        """Note a problem; ``path`` leads to it from the input."""
        plain = {name: decimal_text(fact) if isinstance(fact, Decimal) else fact for name, fact in facts.items()}
        self.note(Problem(code, message, ("input", *map(str, path)), plain))

    def note(self, problem: Problem) -> None:
        """Note a problem, unless it is about a value that couldn't be read."""
        path = problem.path
        has_bad_part = problem.code == NOT_FOUND and path in self._above
        if not has_bad_part and not any(path[:end] in self._bad for end in range(len(path) + 1)):
            self.found.append(problem)

    def add_new(self, problems: Iterable[Problem]) -> None:
        """Note those of these problems that aren't among them yet."""
        there: dict[Path, list[Problem]] = {}
        for each in self.found:
            there.setdefault(each.path, []).append(each)
        for each in problems:
            same = there.setdefault(each.path, [])
            if each not in same:
                same.append(each)
                self.note(each)

    def invalid(self, message: str, *path: str | int) -> None:
        self.add(INVALID_INPUT, message, *path)

    def missing(self, what: str, *path: str | int) -> None:
        """Something that doesn't exist, or is another tenant's, which is the same to the caller."""
        self.add(NOT_FOUND, f"There is no {what}.", *path)

    def check(self) -> None:
        """Raise ``CommandRejected`` if there is any problem so far."""
        if self.found:
            raise CommandRejected(self.found)


def refuse(code: str, message: str, *path: str | int, **facts: Any) -> CommandRejected:
    """The refusal for a single problem, to be raised."""
    problems = Problems()
    problems.add(code, message, *path, **facts)
    return CommandRejected(problems.found)
