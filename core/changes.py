"""What the feed of changes tells of: kinds of records, what events are about, and cursors that name a commit."""

import base64
import binascii
from typing import NamedTuple
from uuid import UUID

from core.errors import BadInput, BrokenInvariant, ErpError
from core.modules import ChangeKind, declared

KINDS: dict[str, ChangeKind] = {name: kind for each in declared("core", "CHANGES") for name, kind in each.items()}
"""The kinds of records that the feed tells changes of, by the names that clients know."""

NAMES = {kind.number: name for name, kind in KINDS.items()}
if len(NAMES) < len(KINDS):
    raise BrokenInvariant("Two kinds of changes have the same number: changes of one would be reported as the other's.")

_OWN = {"tenant": "ten", "feed": "ten"}
"""What belongs to no module; the feed is a tenant's."""

SUBJECTS: dict[str, str] = _OWN | {
    family: prefix for each in declared("core", "SUBJECTS") for family, prefix in each.items()
}
"""The prefix of the ids of what events are about, by the part of their type before the dot."""

_TOUCHED = {name.lower(): kind.number for name, kind in KINDS.items()}

ANY = bytes(6)
"""The mark of a cursor that a mutation answered: it is good for every feed."""


class ResyncRequired(ErpError):
    """The place isn't in the log (any more): what follows it can't be told without a gap. A copy has to be made again."""

    code = "RESYNC_REQUIRED"
    always_reported = True


def touched_by(type_: str) -> int | None:
    """The kind of the record that an event of this type is a change of: ``order.confirmed`` is one of an order. None where the
    record itself isn't changed, as a product isn't by ``stock.adjusted``.

    Raises ``BrokenInvariant`` for a type whose module doesn't say what it is about (``SUBJECTS``).
    """
    family = type_.partition(".")[0]
    if family not in SUBJECTS:
        raise BrokenInvariant(f"no module says what events {family}.* are about")
    return _TOUCHED.get(family)


def prefix_of(type_: str) -> str:
    """The prefix of the id of what an event of this type is about."""
    family = type_.partition(".")[0]
    return SUBJECTS.get(family, family)


class Cursor(NamedTuple):
    """A place in the log: behind a commit, or within it behind so many of its entries (0: behind all).

    It names the commit by its id and not by its number: after a restore or a failover the same number is another commit,
    and the number would tell how much other tenants do.
    """

    commit: UUID
    offset: int = 0
    mark: bytes = ANY
    """Of the feed and its arguments: a guard against honest mistakes (``core.paging.digest``)."""

    def of(self, mark: bytes) -> "Cursor":
        """It, as a place in the feed with this mark. Raises ``BadInput`` where it belongs to another one."""
        if self.mark not in (mark, ANY):
            raise BadInput(
                "This cursor belongs to another feed: use it with the field and the conditions that it came from."
            )
        return self._replace(mark=mark)

    def __str__(self) -> str:
        raw = self.commit.bytes + self.offset.to_bytes(4, "big") + self.mark
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


MOST = 2**31 - 1
"""Entries that a commit may have: what PostgreSQL takes for an integer."""

LENGTH = len(str(Cursor(UUID(int=0))))


def read_cursor(text: str, mark: bytes | None) -> Cursor:
    """A cursor of the feed with this mark, or of a mutation; without a mark of any. Raises ``BadInput``."""
    try:
        raw = (
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if len(text) == LENGTH
            else b""
        )
    except (ValueError, binascii.Error):
        raw = b""
    offset = int.from_bytes(raw[16:20], "big")
    if len(raw) != 26 or offset > MOST:
        raise BadInput("This is not a cursor of the feed. Cursors come from its batches.")
    found = Cursor(UUID(bytes=raw[:16]), offset, raw[20:])
    if mark is not None:
        found.of(mark)
    return found
