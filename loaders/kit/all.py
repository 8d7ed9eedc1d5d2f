"""All rows of each parent, without pages: for what has few, such as the lines of a document that a command bounds."""

from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from sqlalchemy import ARRAY, Select, Uuid, any_, select

from loaders.kit.base import Loader
from loaders.kit.one import TENANT
from loaders.kit.statements import value

_key = itemgetter("key")


class All(Loader):
    """All rows whose ``key`` column has the value, by the columns in ``order``. Parents without any have an empty list."""

    key: ClassVar[str]
    order: ClassVar[tuple[str, ...]] = ("id",)

    async def load_all(self, keys: list[Any]) -> dict[Any, list[Any]]:
        """The rows by their keys."""
        made = await self.made((type(self), self.columns, self.narrowed), partial(self.build))
        rows = await self.fetch(made, {"keys": keys}, len(keys))
        return {key: [] for key in keys} | {key: list(group) for key, group in groupby(rows, _key)}

    def build(self) -> Select[Any]:
        """One statement for a level: a parent's rows come together."""
        model: Any = self.entity.model
        key = getattr(model, self.key)
        columns = [self.entity.column(name) for name in self.columns]
        mine = (model.tenant_id == TENANT, *self.visible(), key == any_(value("keys", ARRAY(Uuid()))))
        return (
            select(*columns, key.label("key"))
            .where(*mine)
            .order_by(key, *(getattr(model, each) for each in self.order))
        )
