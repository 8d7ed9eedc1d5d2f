"""what is there of products, asked in the statement that takes their locks

Revision ID: 0048
Revises: 0047
"""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

APP = "erpgraph_app"
PLACES = """
    SELECT s.product_id, s.location_id, l.code, l.warehouse_id, s.available, l.rank, l.allocation, s.lot_id,
           s.sellable_until AS expires, s.held_until <= statement_timestamp() AS ended
    FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
    WHERE s.tenant_id = $1 AND s.product_id = ANY($2::uuid[]) AND l.kind = 'INTERNAL'
      AND (s.available > 0 OR s.held_until <= statement_timestamp()) AND (s.sellable_until IS NULL OR s.sellable_until >= (statement_timestamp() AT TIME ZONE (SELECT timezone FROM tenants WHERE id = $1))::date)
"""


def upgrade() -> None:
    """A function alone: nothing waits. VOLATILE, so that its query has a snapshot of its own, of the moment when it is called:
    after the locks that its caller's statement has taken by then, not before.
    """
    op.execute(
        "CREATE FUNCTION stock_places(uuid, uuid[]) RETURNS TABLE (product_id uuid, location_id uuid, code text, warehouse_id uuid,"
        " available numeric, rank integer, allocation text, lot_id uuid, expires date, ended boolean)"
        f" LANGUAGE plpgsql VOLATILE ROWS 10 AS $$ #variable_conflict use_column\n BEGIN RETURN QUERY {PLACES}; END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION stock_places(uuid, uuid[]) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION stock_places(uuid, uuid[]) TO {APP}")


def downgrade() -> None:
    op.execute("DROP FUNCTION stock_places(uuid, uuid[])")
