"""The documents that are followed in a tenant. Parsed, they are kept for as long as anybody follows them: a process's cache of documents is
bounded, and this is as well.
"""

from dataclasses import dataclass, field
from uuid import UUID

from graphql import DocumentNode

from app.documents.preparation import Prepared
from app.errors.formatting import entry
from app.errors.http_errors import Rejected, Throttled
from core.errors import LimitExceeded

OF_TENANT = 1_000_000
"""Characters of the documents that are followed in a tenant, equal ones once. They take some hundred bytes each."""

BESIDES = 16_384
"""Bytes that a subscription may have besides its document: a hundred ids and fifty types take six thousand."""


@dataclass
class _Text:
    document: DocumentNode
    groups: int = 0


@dataclass
class Texts:
    """One process's."""

    _kept: dict[UUID, dict[str, _Text]] = field(default_factory=dict)

    def join(self, tenant: UUID, prepared: Prepared) -> Prepared:
        """A group more follows a document: parsed it is kept once. Raises ``Rejected`` for one with too much besides, and ``Throttled``
        where a tenant follows too many.
        """
        if prepared.asked.size > BESIDES:
            facts = {"limit": "bytes besides a subscription's document", "maximum": BESIDES}
            message = f"A subscription may have {BESIDES:,} bytes besides its document: they are kept for as long as it lasts."
            raise Rejected([entry(LimitExceeded(message, facts=facts))])
        kept, text = self._kept.setdefault(tenant, {}), prepared.asked.query
        if text not in kept:
            if sum(map(len, kept)) + len(text) > OF_TENANT:
                raise Throttled(
                    f"This tenant's subscriptions have documents of {OF_TENANT:,} characters, and may not have more.", 5
                )
            kept[text] = _Text(prepared.document)
        kept[text].groups += 1
        return prepared._replace(document=kept[text].document)

    def leave(self, tenant: UUID, prepared: Prepared) -> None:
        """A group less does."""
        kept, text = self._kept[tenant], prepared.asked.query
        kept[text].groups -= 1
        if not kept[text].groups:
            del kept[text]
        if not kept:
            del self._kept[tenant]
