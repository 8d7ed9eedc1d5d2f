"""Every model, for what needs all of them: Alembic, the tenancy rules, the tests."""

from db import catalog, commands, events, inventory, partners, sales, tenants
from db.base import Base

metadata = Base.metadata

__all__ = ["catalog", "commands", "events", "inventory", "metadata", "partners", "sales", "tenants"]
