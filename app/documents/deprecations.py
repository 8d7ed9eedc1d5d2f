"""What of the graph is deprecated: for its maintainers, and for its clients."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from graphql import GraphQLSchema, OperationDefinitionNode

from execution import Deprecations, Document, Documents
from schema.deprecation import Deprecation, read


class Listed(NamedTuple):
    """Something deprecated, by its coordinate: ``Order.note``, ``Query.orders(search:)``, ``OrderStatus.OLD``."""

    coordinate: str
    deprecation: Deprecation

    def is_overdue(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.deprecation.removal is not None and self.deprecation.removal < today

    @property
    def shown(self) -> dict[str, str | None]:
        """It, as JSON has it."""
        since, removal = (
            day.isoformat() if day else None for day in (self.deprecation.since, self.deprecation.removal)
        )
        return {"coordinate": self.coordinate, "since": since, "removal": removal, "reason": self.deprecation.reason}


def listed(schema: GraphQLSchema) -> list[Listed]:
    """All that is deprecated, what goes first first."""
    found = [Listed(coordinate, read(reason)) for coordinate, reason in Deprecations(schema).reasons.items()]
    return sorted(found, key=lambda each: (each.deprecation.removal or date.max, each.coordinate))


class DeprecationReport:
    """Reports the deprecated parts that a client used: ``extensions.deprecations``."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._shown = {each.coordinate: each.shown for each in listed(documents.schema)}

    def of(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> list[Any]:
        """What an operation of a valid document uses."""
        return [self._shown[each] for each in self._documents.deprecated(document, operation, variables)]


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()
