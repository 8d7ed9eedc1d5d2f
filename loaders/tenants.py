"""The tenant itself."""

from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, any_, select

from db.tenants import Tenant
from loaders.entity import Entity
from loaders.one import One
from loaders.statements import value

tenants = Entity(Tenant, "Tenant", "ten")


class TenantById(One):
    entity = tenants

    def build(self) -> Select[Any]:
        # The one table whose tenant column is its id.
        columns = [self.entity.column(name) for name in self.columns]
        keys = value("keys", ARRAY(Uuid()))
        return select(Tenant.id.label("key"), *columns).where(Tenant.id == any_(keys))
