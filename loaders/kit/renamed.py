"""To one by a key that people change: a record is found by the keys that it had before as well."""

from typing import Any, ClassVar

from sqlalchemy import ARRAY, Select, and_, any_, select

from db.aliases import KeyAlias
from db.base import KEY_TEXT
from loaders.kit.one import TENANT, One
from loaders.kit.statements import constant, value


class Renamed(One):
    """By its key or, where none has it, by one that it had. ``kind`` is what aliases call such records. The second statement
    is run for keys only that nothing has.
    """

    kind: ClassVar[str]
    key_type = KEY_TEXT

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The rows by the keys that were asked for."""
        found = await super().load_all(keys)
        if missing := [key for key in keys if key not in found]:
            made = await self.made((type(self), self.columns, "renamed", self.narrowed), self.renamed)
            found |= {row[0]: row for row in await self.fetch(made, {"keys": missing}, len(missing))}
        return found

    def renamed(self) -> Select[Any]:
        """The statement that finds records by former keys."""
        model: Any = self.entity.model
        columns = [self.entity.column(name) for name in self.columns]
        same = and_(model.tenant_id == TENANT, model.id == KeyAlias.record_id)
        return (
            select(KeyAlias.key.label("was"), *columns)
            .join(model, same)
            .where(
                KeyAlias.tenant_id == TENANT,
                KeyAlias.kind == constant(self.kind),
                KeyAlias.key == any_(value("keys", ARRAY(KEY_TEXT))),
                *self.visible(),
            )
        )
