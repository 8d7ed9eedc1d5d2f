"""policies by role, none restrictive and none with a subquery; for them line items say whose they are

Revision ID: 0013
Revises: 0012
"""

from alembic import op
from sqlalchemy import Connection, text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OWNER, APP, PARTNER = "erpgraph_owner", "erpgraph_app", "erpgraph_partner"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
MINE = "nullif(current_setting('app.partner_id', true), '')::uuid"
WHOSE = {"orders": "customer_id", "partners": "id", "line_items": "customer_id"}
PORTION = 200
"""Orders of one transaction, some 1,600 line items: a tenth of a second, in which a writer of one of them waits."""

KEY = "uq_orders_tenant_id_id_customer_id"
REFERENCE = "fk_line_items_tenant_id_order_id_customer_id"
BEFORE = "fk_line_items_tenant_id_order_id"


def upgrade() -> None:
    """In autocommit, so that each lock is gone with its statement. What was broken off can be run again."""
    with op.get_context().autocommit_block():
        _add()
        for table in ("orders", "line_items"):
            # Forced row-level security binds the owner too. The policy is for the owner alone, who serves nobody.
            op.execute(f"DROP POLICY IF EXISTS backfill ON {table}")
            op.execute(f"CREATE POLICY backfill ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
        try:
            _fill(op.get_bind())
            _enforce()
        finally:
            for table in ("orders", "line_items"):
                op.execute(f"DROP POLICY backfill ON {table}")
        for table, column in WHOSE.items():
            _by_role(table, column)
        op.execute("ALTER TABLE events ALTER COLUMN occurred_at SET DEFAULT statement_timestamp()")


def _add() -> None:
    """The column, and who fills it for a program that doesn't know it: the one before goes on writing meanwhile. After the
    statement, since that one makes an order and its lines in one.
    """
    op.execute("ALTER TABLE line_items ADD COLUMN IF NOT EXISTS customer_id uuid")
    op.execute(
        "CREATE OR REPLACE FUNCTION line_item_customer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
        " AS $$ BEGIN UPDATE public.line_items l SET customer_id = o.customer_id FROM public.orders o"
        " WHERE l.tenant_id = NEW.tenant_id AND l.id = NEW.id AND o.tenant_id = NEW.tenant_id AND o.id = NEW.order_id;"
        # A foreign key doesn't look at a row with a null in it.
        " IF NOT FOUND THEN RAISE EXCEPTION 'the line item has no such order'"
        f" USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{REFERENCE}', TABLE = 'line_items'; END IF;"
        " RETURN NULL; END $$"
    )
    op.execute(
        "CREATE OR REPLACE TRIGGER customer AFTER INSERT OR UPDATE ON line_items FOR EACH ROW"
        " WHEN (NEW.customer_id IS NULL) EXECUTE FUNCTION line_item_customer()"
    )


def _fill(connection: Connection) -> None:
    """An order's lock comes before those of its lines, as in commands."""
    following = text(
        "SELECT tenant_id, id FROM orders WHERE (tenant_id, id) > (:tenant_id, :id) ORDER BY tenant_id, id LIMIT :most"
    )
    fill = text(
        "WITH held AS MATERIALIZED ("
        " SELECT o.tenant_id, o.id, o.customer_id FROM orders o"
        " JOIN unnest(CAST(:tenants AS uuid[]), CAST(:ids AS uuid[])) AS each (tenant_id, id) USING (tenant_id, id)"
        " ORDER BY o.tenant_id, o.id FOR NO KEY UPDATE OF o)"
        " UPDATE line_items l SET customer_id = held.customer_id FROM held"
        " WHERE l.tenant_id = held.tenant_id AND l.order_id = held.id AND l.customer_id IS NULL"
    )
    place = dict.fromkeys(("tenant_id", "id"), "00000000-0000-0000-0000-000000000000")
    while rows := connection.execute(following, place | {"most": PORTION}).all():
        tenants, ids = [str(row.tenant_id) for row in rows], [str(row.id) for row in rows]
        connection.execute(fill, {"tenants": tenants, "ids": ids})
        place = {"tenant_id": tenants[-1], "id": ids[-1]}


def _enforce() -> None:
    """A line's customer is its order's, or there is no such order. Whoever waits for the index stands in nobody's way, so
    it may wait for longer than others.
    """
    connection = op.get_bind()
    there = text("SELECT 1 FROM pg_constraint WHERE conname = :name AND connamespace = 'public'::regnamespace")
    if not connection.execute(there, {"name": KEY}).scalar():
        op.execute("SET lock_timeout = '5min'")
        try:
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {KEY}")
            op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {KEY} ON orders (tenant_id, id, customer_id)")
        finally:
            op.execute("SET lock_timeout = '2s'")
        op.execute(f"ALTER TABLE orders ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}")
    if not connection.execute(there, {"name": REFERENCE}).scalar():
        op.execute(
            f"ALTER TABLE line_items ADD CONSTRAINT {REFERENCE} FOREIGN KEY (tenant_id, order_id, customer_id)"
            " REFERENCES orders (tenant_id, id, customer_id) ON DELETE CASCADE NOT VALID"
        )
    op.execute(f"ALTER TABLE line_items VALIDATE CONSTRAINT {REFERENCE}")
    op.execute(f"ALTER TABLE line_items DROP CONSTRAINT IF EXISTS {BEFORE}")


def _by_role(table: str, column: str) -> None:
    """One statement, so that there is no moment with half of the policies."""
    op.execute(
        f"DO $$ BEGIN DROP POLICY IF EXISTS partner ON {table}; DROP POLICY tenant ON {table};"
        f" CREATE POLICY tenant ON {table} TO {APP}, {OWNER} USING ({TENANT}) WITH CHECK ({TENANT});"
        f" CREATE POLICY partner ON {table} FOR SELECT TO {PARTNER} USING ({TENANT} AND {column} = {MINE});"
        " END $$"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE events ALTER COLUMN occurred_at SET DEFAULT clock_timestamp()")
    rows = {
        "orders": f"customer_id = {MINE}",
        "partners": f"id = {MINE}",
        "line_items": "EXISTS (SELECT FROM orders o WHERE o.tenant_id = line_items.tenant_id AND o.id = line_items.order_id)",
    }
    for table, rule in rows.items():
        op.execute(f"DROP POLICY partner ON {table}")
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY partner ON {table} AS RESTRICTIVE TO {PARTNER} USING ({rule})")
    op.execute(
        f"ALTER TABLE line_items ADD CONSTRAINT {BEFORE} FOREIGN KEY (tenant_id, order_id)"
        " REFERENCES orders (tenant_id, id) ON DELETE CASCADE NOT VALID"
    )
    op.execute(f"ALTER TABLE line_items DROP CONSTRAINT {REFERENCE}")
    op.execute(f"ALTER TABLE orders DROP CONSTRAINT {KEY}")
    op.execute("DROP TRIGGER customer ON line_items")
    op.execute("DROP FUNCTION line_item_customer()")
    op.execute("ALTER TABLE line_items DROP COLUMN customer_id")
