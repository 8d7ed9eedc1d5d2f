"""How many rows connections have, for a whole level in one statement."""

from functools import partial
from typing import Any

from sqlalchemy import Integer, Select, func, select

from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.many import Many, Query, parents
from loaders.kit.one import TENANT
from loaders.kit.statements import constant, value


class Counts(Loader):
    """How many rows a connection has, counted up to a cap. ``arguments`` is (loader, query, cap)."""

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, int]:
        """The counts, one more than the cap where there are more."""
        loader, query, cap = self.arguments
        many = loader(self, (), query)
        shape = (query.shape, query.search is None)
        made = await self.made((Counts, loader, self.narrowed, *shape), partial(self.build, many))
        given = filters.parameters(query.values) | {"search": query.search, "cap": cap + 1}
        if many.key is not None:
            given["keys"] = keys
        rows = await self.fetch(made, given, len(keys))
        return {keys[0]: rows[0]["count"]} if many.key is None else {row["key"]: row["count"] for row in rows}

    def build(self, many: Many) -> Select[Any]:
        query: Query = many.arguments
        model: Any = many.entity.model
        everywhere = query._replace(after=None, before=None)
        rows = select(constant(1)).select_from(model)
        rows = rows.where(model.tenant_id == TENANT, *many.conditions(everywhere, ()))
        rows = rows.limit(value("cap", Integer()))
        if many.key is None:
            return select(func.count().label("count")).select_from(rows.subquery())
        keys = parents(many.key_type)
        found = rows.where(many.of_parent(keys.c.key)).correlate(keys).subquery()
        counted = select(func.count()).select_from(found).scalar_subquery()
        return select(keys.c.key.label("key"), counted.label("count"))
