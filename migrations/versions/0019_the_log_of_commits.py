"""the log of commits, which everything that follows what happens is a reader of

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

APP, PARTNER, BACKUP = "erpgraph_app", "erpgraph_partner", "erpgraph_backup"
CURRENT = "nullif(current_setting('app.tenant_id', true), '')::uuid"


def upgrade() -> None:
    """New things alone: nothing waits."""
    op.create_table(
        "commits",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("subjects", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("reload", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_commits_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_commits")),
        sa.UniqueConstraint("tenant_id", "seq", name=op.f("uq_commits_tenant_id_seq")),
    )
    op.execute("ALTER TABLE commits ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE commits FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON commits USING (tenant_id = {CURRENT}) WITH CHECK (tenant_id = {CURRENT})")
    op.execute(f"CREATE POLICY backup ON commits FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT ON commits TO {APP}")
    op.execute(f"GRANT SELECT ON commits TO {PARTNER}, {BACKUP}")
    op.execute(
        "ALTER TABLE commits SET (autovacuum_vacuum_insert_scale_factor = 0.01,"
        " autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_scale_factor = 0.02)"
    )
    # One after the other, with none kept in advance by a session: that a reader has seen number 7 has to mean that 6 was drawn before.
    op.execute("CREATE SEQUENCE commit_numbers CACHE 1")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE commit_numbers TO {APP}")
    op.execute(f"GRANT SELECT ON SEQUENCE commit_numbers TO {PARTNER}, {BACKUP}")
    # $1 the tenant, $2 its lock, $3 the commit, $4 its events, $5 and $6 the records, $7 what to read again. The lock comes
    # before the number: who holds a number holds the lock, until its row can be seen. Every name is whole, so that no
    # search_path counts.
    op.execute(
        "CREATE FUNCTION place_commit(uuid, integer, uuid, uuid[], smallint[], uuid[], smallint[]) RETURNS void"
        " LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_catalog.pg_advisory_xact_lock_shared(1717921124, $2);"
        " INSERT INTO public.commits (tenant_id, id, seq, events, kinds, subjects, reload)"
        " VALUES ($1, $3, pg_catalog.nextval('public.commit_numbers'), $4, $5, $6, $7);"
        " END $$"
    )
    op.execute(
        "REVOKE ALL ON FUNCTION place_commit(uuid, integer, uuid, uuid[], smallint[], uuid[], smallint[]) FROM PUBLIC"
    )
    op.execute(
        f"GRANT EXECUTE ON FUNCTION place_commit(uuid, integer, uuid, uuid[], smallint[], uuid[], smallint[]) TO {APP}"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION place_commit(uuid, integer, uuid, uuid[], smallint[], uuid[], smallint[])")
    op.drop_table("commits")
    op.execute("DROP SEQUENCE commit_numbers")
