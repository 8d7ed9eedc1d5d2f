"""To one: by id or by another unique column."""

from operator import itemgetter
from typing import Any, ClassVar

from sqlalchemy import ARRAY, Select, Uuid, any_, select
from sqlalchemy.types import TypeEngine

from loaders.base import Loader
from loaders.statements import statement, value

TENANT = value("tenant", Uuid())


class One(Loader):
    """The row whose ``key`` column has the value, or None.

    The columns asked for are those of the answer; the key comes along.
    """

    key: ClassVar[str] = "id"
    key_type: ClassVar[TypeEngine[Any]] = Uuid()

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        made = statement((type(self), self.columns), self.build)
        rows = await self.fetch(made, {"keys": keys}, len(keys))
        found = dict(zip(map(itemgetter(0), rows), rows, strict=True))
        return [found.get(key) for key in keys]

    def build(self) -> Select[Any]:
        """``= ANY(array)``: one prepared statement for any number of keys. The key comes first."""
        model: Any = self.entity.model
        key = getattr(model, self.key)
        columns = [self.entity.column(name) for name in self.columns if name != self.key]
        bound = value("keys", ARRAY(self.key_type))
        return select(key, *columns).where(model.tenant_id == TENANT, key == any_(bound))
