"""how far brokers have been told what happens

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

APP, OWNER, BACKUP = "erpgraph_app", "erpgraph_owner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
TABLE = "relay_cursors"


def upgrade() -> None:
    """A new table. The owner sees all tenants' places, which are ids, numbers and times: so workers find what is due."""
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")),
        sa.Column("sink", sa.Text(collation="C"), nullable=False),
        sa.Column("commit_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _at("leased_until", "'-infinity'"),
        sa.Column("worker", sa.Uuid(), nullable=True),
        _at("created_at", "now()"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{TABLE}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("tenant_id", "sink", name=op.f(f"uq_{TABLE}_tenant_id_sink")),
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {TABLE} USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON {TABLE} FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"CREATE POLICY administration ON {TABLE} FOR SELECT TO {OWNER} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO {APP}")
    op.execute(f"GRANT SELECT ON {TABLE} TO {BACKUP}")


def _at(name: str, default: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text(default), nullable=False)


def downgrade() -> None:
    op.drop_table(TABLE)
