"""Problems that the caller of a command can mend: what became ``userErrors``. Nothing was changed then."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.money import decimal_text

Path = tuple[str, ...]

INVALID_INPUT = "INVALID_INPUT"
NOT_FOUND = "NOT_FOUND"
DUPLICATE = "DUPLICATE"
INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
VERSION_CONFLICT = "VERSION_CONFLICT"
INVALID_TRANSITION = "INVALID_TRANSITION"
STALE_STOCK = "STALE_STOCK"
IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"


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


class Refused(Exception):
    """A command that can't be carried out as it is. Carries all its problems, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


class Problems:
    """Gathers the problems of an input, so that the caller hears of all at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, code: str, message: str, *path: str | int, **facts: Any) -> None:
        """Note a problem; ``path`` leads to it from the input."""
        plain = {name: decimal_text(fact) if isinstance(fact, Decimal) else fact for name, fact in facts.items()}
        self.found.append(Problem(code, message, ("input", *map(str, path)), plain))

    def invalid(self, message: str, *path: str | int) -> None:
        self.add(INVALID_INPUT, message, *path)

    def missing(self, what: str, *path: str | int) -> None:
        """Something that doesn't exist, or is another tenant's, which is the same to the caller."""
        self.add(NOT_FOUND, f"There is no {what}.", *path)

    def short(self, message: str, *path: str | int, product: UUID, requested: Decimal, available: Decimal) -> None:
        facts = {"product_id": product, "requested": requested, "available": available}
        self.add(INSUFFICIENT_STOCK, message, *path, **facts)

    def check(self) -> None:
        """Raise ``Refused`` if there is any problem so far."""
        if self.found:
            raise Refused(self.found)


def refuse(code: str, message: str, *path: str | int, **facts: Any) -> Refused:
    """The refusal for a single problem, to be raised."""
    problems = Problems()
    problems.add(code, message, *path, **facts)
    return Refused(problems.found)
