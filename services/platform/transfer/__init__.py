"""A tenant as a whole: written to files, read into another database, moved, and deleted (docs/decisions/0036-tenants-move.md)."""
