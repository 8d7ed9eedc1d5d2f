"""What a partner's row has besides its columns."""

from typing import Any

import orjson

from core.addresses import filed
from execution import Batch
from resolvers.parties import PartyRow


def addresses(batch: Batch) -> list[list[dict[str, Any]]]:
    """Each partner's addresses, defaults first."""
    return [[] if text is None else _rows(text) for text in batch.column("addresses")]


def _rows(text: str) -> list[dict[str, Any]]:
    return [
        each._asdict()
        | {"default": each.defaults == each.roles, "roles": list(each.roles), "defaults": list(each.defaults)}
        for each in filed(orjson.loads(text))
    ]


def party(batch: Batch) -> list[PartyRow]:
    return [PartyRow(source["party"]) for source in batch.sources]
