"""Anything by its id: the id's prefix says which type it is."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import ids
from core.errors import BadInput
from execution import Batch
from loaders.kit.one import One

MAX_NODES = 100


async def node(batch: Batch) -> list[Any]:
    """The object with an id, or None: for one that doesn't exist and one of another tenant alike."""
    return await load(batch, [key(batch, batch.args["id"], "id")])


async def nodes(batch: Batch) -> list[list[Any]]:
    """The objects with these ids, in their order, None where there is none."""
    given = batch.args["ids"]
    if len(given) > MAX_NODES:
        raise BadInput(f"At most {MAX_NODES} ids.", path=("ids",))
    return [await load(batch, [key(batch, text, "ids", index) for index, text in enumerate(given)])]


def key(batch: Batch, text: str, *path: str | int) -> tuple[str, UUID]:
    """The prefix and the UUID of an id of an existing type; ``path`` leads to where it was given."""
    try:
        prefix, key = ids.parse(text)
    except BadInput as error:
        raise error.below(*path) from None
    if prefix not in batch.context.node_types:
        raise BadInput(f"There is nothing with an id that starts with {prefix}_.", path=path)
    return prefix, key


async def load(batch: Batch, given: list[tuple[str, UUID]]) -> list[Any]:
    types: Mapping[str, type[One]] = batch.context.node_types
    keys: dict[str, dict[int, Any]] = {}
    for index, (prefix, key) in enumerate(given):
        keys.setdefault(prefix, {})[index] = key
    found: list[Any] = [None] * len(given)
    for prefix, wanted in keys.items():
        loader = types[prefix]
        if loader.entity.permission is not None:
            batch.context.require(loader.entity.permission)
        columns = batch.columns(loader.entity.typename)
        rows = await loader.of(batch.context, columns).load_level(list(wanted.values()))
        for index, row in zip(wanted, rows, strict=True):
            found[index] = row
    return found
