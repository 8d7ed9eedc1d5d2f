"""What ends a request before it is executed: an HTTP error, too much asked for, or a GraphQL request that is rejected."""

from collections.abc import Mapping
from typing import Any

from core.errors import ErpError


class HttpError(ErpError):
    """A request that is not a GraphQL request; ``status`` is its HTTP status."""

    code = "BAD_REQUEST"

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Throttled(HttpError):
    """Too much was asked for; to be tried again after so many seconds."""

    code = "THROTTLED"

    def __init__(self, message: str, seconds: int, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(429, message, **{"retry-after": str(seconds)})
        self.seconds = seconds
        self.facts.update(facts or {})


class Rejected(Exception):
    """Nothing of the request is executed; ``errors`` tell the caller why."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.errors = errors
