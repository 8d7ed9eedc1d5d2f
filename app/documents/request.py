"""A GraphQL request, however it arrived."""

from typing import Any, NamedTuple

import orjson

MAX_SEARCHED = 20_000
"""Bytes of variables that are searched for names. A megabyte took 110 ms."""


class GraphQLRequest(NamedTuple):
    """A GraphQL request by the GraphQL-over-HTTP specification; its document may be named instead of sent."""

    query: str
    """The document; empty where it is only named."""
    variables: dict[str, Any] | None
    operation: str | None
    size: int = 0
    """Bytes of its body besides the document."""
    document: str = ""
    """The id of a trusted document: ``documentId``, or Relay's ``doc_id``."""
    propagates: bool = True
    """Whether a null that may not be there takes its parent along: ``onError`` is PROPAGATE, not NULL."""
    hash: str = ""
    """Of a document that was or shall be persisted: Apollo's ``extensions.persistedQuery.sha256Hash``."""

    @property
    def sent(self) -> str:
        """The text that its caller sent, as far as names are looked for in it."""
        variables = orjson.dumps(self.variables).decode() if self.size <= MAX_SEARCHED else ""
        return f"{self.query} {variables}"
