"""Every model, for what needs all of them: Alembic, the tenancy rules, the tests."""

from importlib import import_module
from pkgutil import iter_modules

import db
from db.base import Base

# Each file of this folder that has a table brings it in: one that nobody imports would be missing in a migration.
for each in iter_modules(db.__path__):
    if not each.ispkg and each.name != "models":
        import_module(f"db.{each.name}")

metadata = Base.metadata
