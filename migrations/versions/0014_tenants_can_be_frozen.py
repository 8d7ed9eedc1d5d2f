"""tenants can be frozen: read, and not written

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

APP = "erpgraph_app"


def upgrade() -> None:
    """Nothing is rewritten: the column is empty."""
    op.add_column("tenants", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
    # As the owner: the lock needs the right to change the row, which the serving role doesn't have. It is the one that
    # every foreign key to the tenant takes as well. Whoever is refused doesn't take it, and so doesn't hold up the one who waits
    # for the others. Every name is whole, so that no search_path counts.
    op.execute(
        "CREATE FUNCTION refuse_while_frozen() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$"
        " DECLARE mine pg_catalog.uuid := nullif(pg_catalog.current_setting('app.tenant_id', true), '');"
        " BEGIN"
        " PERFORM FROM public.tenants WHERE id OPERATOR(pg_catalog.=) mine AND frozen_at IS NULL FOR KEY SHARE;"
        " IF NOT FOUND AND EXISTS (SELECT FROM public.tenants WHERE id OPERATOR(pg_catalog.=) mine) THEN"
        " RAISE EXCEPTION 'the tenant is frozen' USING ERRCODE = 'ERP01'; END IF;"
        " END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION refuse_while_frozen() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION refuse_while_frozen() TO {APP}")


def downgrade() -> None:
    op.execute("DROP FUNCTION refuse_while_frozen()")
    op.drop_column("tenants", "frozen_at")
