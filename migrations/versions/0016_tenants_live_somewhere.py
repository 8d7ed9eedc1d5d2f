"""tenants live in this database, or in another one that the deployment names

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

APP = "erpgraph_app"


def upgrade() -> None:
    """Nothing is rewritten: the column is empty."""
    op.add_column("tenants", sa.Column("database", sa.Text(collation="C"), nullable=True))
    # Of all tenants at once, which the serving role doesn't see: it learns ids and names of databases, and nothing else.
    op.execute(
        "CREATE FUNCTION tenants_elsewhere() RETURNS TABLE (tenant uuid, place text) LANGUAGE sql STABLE SECURITY DEFINER"
        " SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT id, database FROM public.tenants WHERE database IS NOT NULL $$"
    )
    op.execute("REVOKE ALL ON FUNCTION tenants_elsewhere() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION tenants_elsewhere() TO {APP}")


def downgrade() -> None:
    op.execute("DROP FUNCTION tenants_elsewhere()")
    op.drop_column("tenants", "database")
