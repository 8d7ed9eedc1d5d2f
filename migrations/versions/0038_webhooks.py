"""webhooks, what was sent to them, and whose turn it is

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

APP, OWNER, BACKUP = "erpgraph_app", "erpgraph_owner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
TABLES = ("webhooks", "webhook_turns", "webhook_deliveries")
SEEN_BY_WORKERS = ("webhook_turns", "commits")


def upgrade() -> None:
    """New tables only. The owner sees all tenants' turns and commits, which are ids, numbers and times: so workers find what is due."""
    op.create_table(
        "webhooks",
        *_key("webhooks"),
        sa.Column("name", KEY_TEXT, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("variables", JSONB(), nullable=True),
        sa.Column("roles", ARRAY(KEY_TEXT), nullable=False),
        _number("batch", "1"),
        sa.Column("status", KEY_TEXT, server_default=sa.text("'ACTIVE'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        _number("secret_version", "1"),
        sa.Column("former_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("commit_id", sa.Uuid(), nullable=False),
        _number("place", "0"),
        _at("delivered_at", "statement_timestamp()"),
        sa.Column("numbered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _number("failures", "0"),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        _number("version", "1"),
        _at("created_at"),
        _at("updated_at"),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_webhooks_tenant_id_name")),
        sa.CheckConstraint("status IN ('ACTIVE', 'PAUSED', 'FAILING', 'STOPPED')", name=op.f("ck_webhooks_status")),
    )
    op.create_table(
        "webhook_turns",
        *_key("webhook_turns"),
        _at("due_at", "'-infinity'"),
        _at("leased_until", "'-infinity'"),
        sa.Column("worker", sa.Uuid(), nullable=True),
        sa.Column("seen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("resting", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _at("created_at"),
        _of_webhook("webhook_turns", "id"),
    )
    op.create_table(
        "webhook_deliveries",
        *_key("webhook_deliveries"),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("events", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("subjects", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("status", KEY_TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        _number("attempts", "0"),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        _at("first_attempt_at", "statement_timestamp()"),
        _at("last_attempt_at", "statement_timestamp()"),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        _at("created_at"),
        _of_webhook("webhook_deliveries", "webhook_id"),
        sa.CheckConstraint("status IN ('TAKEN', 'WAITING', 'GIVEN_UP')", name=op.f("ck_webhook_deliveries_status")),
    )
    index = "webhook_deliveries"
    op.create_index(f"ix_{index}_webhook", index, ["tenant_id", "webhook_id", "first_attempt_at", "id"])
    waiting, ended = sa.text("status = 'WAITING'"), sa.text("status <> 'WAITING'")
    op.create_index(f"ix_{index}_waiting", index, ["tenant_id", "webhook_id", "number", "id"], postgresql_where=waiting)
    op.create_index(f"ix_{index}_ended", index, ["tenant_id", "last_attempt_at"], postgresql_where=ended)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")
    for table in SEEN_BY_WORKERS:
        op.execute(f"CREATE POLICY administration ON {table} FOR SELECT TO {OWNER} USING (true)")


def _key(table: str) -> list[sa.schema.SchemaItem]:
    return [
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    ]


def _number(name: str, default: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text(default), nullable=False)


def _at(name: str, default: str = "now()") -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text(default), nullable=False)


def _of_webhook(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        ["webhooks.tenant_id", "webhooks.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        ondelete="CASCADE",
    )


def downgrade() -> None:
    op.execute("DROP POLICY administration ON commits")
    for table in reversed(TABLES):
        op.drop_table(table)
