"""Every model, for what needs all of them: Alembic, the tenancy rules, the tests."""

from db import budgets, catalog, commands, events, inventory, partners, sales, tenants
from db.base import Base

metadata = Base.metadata

__all__ = ["budgets", "catalog", "commands", "events", "inventory", "metadata", "partners", "sales", "tenants"]
