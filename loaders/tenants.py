"""The tenant itself."""

from typing import Any

from sqlalchemy import Select, select

from db.tenants import Tenant
from loaders.kit.entity import Entity
from loaders.kit.one import TENANT, One

tenants = Entity(Tenant, "Tenant", "ten")


class TenantById(One):
    entity = tenants

    def build(self, *, single: bool) -> Select[Any]:
        # The one table whose tenant column is its id.
        columns = [self.entity.column(name) for name in self.columns if name != self.key]
        return select(Tenant.id, *columns).where(Tenant.id == TENANT, Tenant.id == self.wanted(single=single))
