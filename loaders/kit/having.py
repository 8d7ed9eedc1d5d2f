"""A filter on a column that has several names of a choice."""

from typing import Any

from sqlalchemy import ARRAY, any_, true

from core.choices import Choice
from db.base import KEY_TEXT
from loaders.kit.filters import Clause, Filter
from loaders.kit.statements import value


class Having(Filter):
    """A filter on a column with several names of a choice, of which one is compared."""

    def clause(self, operation: str, name: str) -> Clause:
        """The SQL of one comparison: whether the name, or one of them, is among the column's."""
        if operation in ("eq", "ne"):
            found: Clause = value(name, self.type) == any_(self.by)
        else:
            found = self.by.overlap(value(name, ARRAY(self.type)))
        return found if operation in ("eq", "in") else found.is_not(true())


def having(by: Any, choices: type[Choice], description: str) -> Filter:
    """Several names of an enum: one of them is compared."""
    return Having(by, KEY_TEXT, str, kind="choice", description=description, choices=choices)
