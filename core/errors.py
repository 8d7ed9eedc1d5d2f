"""The errors of the house.

::

    ErpError            has a code that clients may rely on
    ├─ BadInput         BAD_USER_INPUT: the caller can correct it; path leads into the arguments
    ├─ LimitExceeded    LIMIT_EXCEEDED, DOCUMENT_TOO_LARGE, COST_LIMIT, ANSWER_TOO_LARGE: more than one
    │                  request may ask for
    ├─ Unauthenticated  UNAUTHENTICATED: no key, or a wrong one
    ├─ Forbidden        FORBIDDEN: the key doesn't allow it
    ├─ Unavailable      UNAVAILABLE: the database is away, and nothing was done; try again
    │  ├─ Overloaded      UNAVAILABLE: all its connections are taken
    │  ├─ Unfit           UNAVAILABLE: it is there and can't serve: read-only, full, another role than it should be
    │  ├─ OutcomeUnknown  UNAVAILABLE: it went away while it committed
    │  └─ TenantFrozen    TENANT_FROZEN: the tenant can be read, and not changed for now
    └─ Timeout          TIMEOUT: the request took longer than it may

    BrokenInvariant     a fault of ours, masked: what guards data is never an assert, which python -O leaves out
"""

from collections.abc import Mapping


class ErpError(Exception):
    """Something to tell the caller: a message without internals, a stable code, and facts for programs."""

    code = "INTERNAL"
    always_reported = False
    """Whether it is reported even where a null further up makes its place vanish: what the caller can do something about."""

    def __init__(
        self, message: str, *, path: tuple[str | int, ...] = (), facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.facts = dict(facts or {})

    def below(self, *steps: str | int) -> "ErpError":
        """The same problem seen from further out: ``steps`` lead to where it was found."""
        self.path = (*steps, *self.path)
        return self


class BrokenInvariant(Exception):
    """Something that our own code made sure of isn't so: the transaction ends without effect."""


class BadInput(ErpError):
    """An argument or input that makes no sense; ``path`` leads to it (``("where", "sku", "eq")``)."""

    code = "BAD_USER_INPUT"
    always_reported = True


class LimitExceeded(ErpError):
    """A document that is too large or too dear; nothing of it was run. ``facts`` say by how much."""

    code = "LIMIT_EXCEEDED"


class DocumentTooLarge(LimitExceeded):
    code = "DOCUMENT_TOO_LARGE"


class CostLimit(LimitExceeded):
    code = "COST_LIMIT"


class AnswerTooLarge(LimitExceeded):
    """An answer that would have more bytes than one may have; ``facts["path"]`` is the list that takes most of them."""

    code = "ANSWER_TOO_LARGE"

    def __init__(self, limit: int, path: str) -> None:
        advice = "ask for smaller pages or fewer fields of it" if path else "ask for less"
        where = f", most of it in {path}" if path else ""
        super().__init__(
            f"The answer would have more than {limit:,} bytes{where}: {advice}.",
            facts={"limit": "bytes of the answer", "maximum": limit, "place": path.split(".")},
        )


class Unauthenticated(ErpError):
    code = "UNAUTHENTICATED"


class Forbidden(ErpError):
    code = "FORBIDDEN"
    always_reported = True


class Unavailable(ErpError):
    code = "UNAVAILABLE"
    seconds = 2
    """After which to try again."""


class Overloaded(Unavailable):
    """Who waited for a connection in vain isn't helped by waiting once more."""


class Unfit(Unavailable):
    """The database is there and can't serve: it only reads, has no room, or isn't what it has to be, for the ``reason``
    that the operator learns about. Trying again at once doesn't help.
    """

    reason = ""


class OutcomeUnknown(Unavailable):
    """The change was sent to be stored and the answer didn't come: only a retry with the same key can tell."""


class TenantFrozen(Unavailable):
    """The tenant is being moved: it can be read, and not changed until that is over. Nothing was done."""

    code = "TENANT_FROZEN"
    seconds = 5


class Timeout(ErpError):
    code = "TIMEOUT"
