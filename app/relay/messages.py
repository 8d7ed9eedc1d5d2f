"""What a broker gets: each event as a CloudEvent 1.0 in binary mode, its attributes beside its data."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson

from core import ids
from core.moments import write

MOST_DATA = 262_144
"""Bytes of an event's data. Brokers refuse messages from some size on, usually a megabyte, and one that is refused would hold up
all behind it: of a larger event ``before`` and ``after`` are left out."""

RESYNC = "feed.resync_required"
"""What a tenant's messages begin with, and what is sent where some are missing."""

NOWHERE = UUID(int=0)


class Message(NamedTuple):
    """An event on its way."""

    attributes: dict[str, str]
    data: bytes
    tenant: str
    record: str
    """The public id of what it is about: messages of one record stay in order."""

    @property
    def id(self) -> str:
        return self.attributes["id"]

    @property
    def topic(self) -> str:
        """``erp.<tenant>.<kind of record>.<record>``, made of what no broker takes for more than letters and digits."""
        return f"erp.{self.tenant}.{self.attributes['type'].partition('.')[0]}.{self.record}"


def message(tenant: UUID, event: Mapping[str, Any], seq: int, place: int) -> Message:
    """An event as ``eventFeed`` answers it, at its place in the log."""
    data, more = orjson.dumps(event), dict[str, str]()
    if len(data) > MOST_DATA:
        data, more = orjson.dumps({**event, "before": None, "after": None}), {"truncated": "true"}
    return _message(
        tenant, event["id"], event["type"], event["subjectId"], event["occurredAt"], (seq, place), data, more
    )


def resync(tenant: UUID, sink: str, oldest: UUID, at: Any, seq: int) -> Message:
    """That messages begin here, and what was before has to be read otherwise. Sent twice it has the same id."""
    id_, subject = ids.encode("evt", uuid5(oldest, f"{sink} {tenant}")), ids.encode("ten", tenant)
    event = {"id": id_, "type": RESYNC, "occurredAt": write(at), "subjectId": subject}
    return _message(tenant, id_, RESYNC, subject, event["occurredAt"], (seq, 0), orjson.dumps(event), {})


def _message(
    tenant: UUID,
    id_: str,
    type_: str,
    record: str,
    time: str,
    place: tuple[int, int],
    data: bytes,
    more: dict[str, str],
) -> Message:
    whose = ids.encode("ten", tenant)
    attributes = {
        "specversion": "1.0",
        "id": id_,
        "source": f"/tenants/{whose}",
        "type": type_,
        "subject": record,
        "time": time,
        "datacontenttype": "application/json",
        # Compared as text, as the extension says.
        "sequence": f"{place[0]:019d}.{place[1]:06d}",
    }
    return Message(attributes | more, data, whose, record)
