"""Every model, for what needs all of them: Alembic, the tenancy rules, the tests."""

from db import catalog, inventory, partners, sales, tenants
from db.base import Base

metadata = Base.metadata

__all__ = ["catalog", "inventory", "metadata", "partners", "sales", "tenants"]
