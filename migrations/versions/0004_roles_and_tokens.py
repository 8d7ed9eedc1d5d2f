"""roles and tokens: keys made before there were roles are admins', and a tenant is found by its name

Revision ID: 0004
Revises: 0003
"""

from alembic import op

from db.tenancy import APP

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys without a role could do everything until now; from now on they can do nothing.

    The owner is bound by row-level security as well, and this is for every tenant at once.
    """
    op.execute("ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE api_keys SET roles = '{admin}' WHERE roles = '{}'")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    # A token may name its tenant, and the serving role sees no tenant before it knows which: it may ask this one
    # question, as the owner, and learns an id and nothing else.
    op.execute(
        "CREATE FUNCTION tenant_named(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER"
        " SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT id FROM public.tenants WHERE name = wanted $$"
    )
    op.execute("REVOKE ALL ON FUNCTION tenant_named(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION tenant_named(text) TO {APP}")


def downgrade() -> None:
    """Keys stay admins': the program of that revision doesn't look."""
    op.execute("DROP FUNCTION tenant_named(text)")
