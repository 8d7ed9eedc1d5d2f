"""Requests that name their document: by the id of a trusted one, or by the hash of one that they persisted."""

from app.audit import audit
from app.context import Principal
from app.documents.persisted import Persisted
from app.documents.request import GraphQLRequest
from app.documents.trusted import Trusted, digest
from app.errors.formatting import entry
from app.errors.http_errors import HttpError, Rejected
from app.settings import Settings
from core.errors import BadInput, ErpError
from execution import Documents


class PersistedQueryNotFound(ErpError):
    """Apollo's clients look for this code, others for this message, and send the text then."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class PersistedQueryNotSupported(ErpError):
    """Clients that read it send texts from now on."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class TrustedDocumentsOnly(ErpError):
    code = "TRUSTED_DOCUMENTS_ONLY"


class DocumentResolver:
    """Puts texts in the place of names, and decides who may send a text at all (docs/trusted-documents.md)."""

    def __init__(self, documents: Documents, settings: Settings) -> None:
        """Raises ``BadInput`` for a manifest that can't be served, or that is needed and isn't there."""
        self.trusted = Trusted(documents, settings.trusted_documents)
        self.persisted = Persisted(settings.persisted_documents, settings.persisted_bytes)
        self._only = settings.trusted_only
        if self._only and not settings.trusted_documents:
            raise BadInput("ERPGRAPH_TRUSTED_ONLY needs ERPGRAPH_TRUSTED_DOCUMENTS as well: which may be run.")

    def resolve(self, asked: GraphQLRequest, principal: Principal, request_id: str) -> GraphQLRequest:
        """The request with its document's text. One that still has a hash shall be kept when it proves good.

        Raises ``Rejected`` where the document isn't known or isn't allowed, and ``HttpError``.
        """
        known = self.trusted.get(asked.document or asked.hash)
        if known is not None:
            if asked.query not in ("", known):
                raise _not_its_hash()
            return asked._replace(query=known, hash="")
        if asked.document:
            raise _rejected(PersistedQueryNotFound("PersistedQueryNotFound"))
        if principal.trusted_only or self._only:
            raise self._untrusted(asked, principal, request_id)
        return self._persisted(asked, principal) if asked.hash else asked

    def persist(self, asked: GraphQLRequest, principal: Principal) -> None:
        """Keep the document of a request that proved good, where it asks for that."""
        if asked.hash:
            self.persisted.keep(principal.tenant, asked.hash, asked.query)

    def _untrusted(self, asked: GraphQLRequest, principal: Principal, request_id: str) -> Rejected:
        if not asked.query:
            return _rejected(PersistedQueryNotFound("PersistedQueryNotFound"))
        audit("untrusted document", request_id, **principal.shown)
        return _rejected(TrustedDocumentsOnly("Only trusted documents may be run: send a document's id, not its text."))

    def _persisted(self, asked: GraphQLRequest, principal: Principal) -> GraphQLRequest:
        if asked.query:
            if digest(asked.query) != asked.hash:
                raise _not_its_hash()
            return asked
        if not self.persisted.is_on:
            raise _rejected(PersistedQueryNotSupported("PersistedQueryNotSupported"))
        text = self.persisted.get(principal.tenant, asked.hash)
        if text is None:
            raise _rejected(PersistedQueryNotFound("PersistedQueryNotFound"))
        return asked._replace(query=text, hash="")


def _rejected(error: ErpError) -> Rejected:
    return Rejected([entry(error)])


def _not_its_hash() -> HttpError:
    return HttpError(400, "The hash isn't the SHA-256 of this document.")
