"""what every command calls takes a query less

Revision ID: 0049
Revises: 0048
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_LOCK = (
    " DECLARE mine pg_catalog.uuid := nullif(pg_catalog.current_setting('app.tenant_id', true), '');"
    " BEGIN"
    " PERFORM FROM public.tenants WHERE id OPERATOR(pg_catalog.=) mine AND frozen_at IS NULL FOR KEY SHARE;"
)
_REFUSE = " RAISE EXCEPTION 'the tenant is frozen' USING ERRCODE = 'ERP01'; END IF; END "
_THERE = "EXISTS (SELECT FROM public.tenants WHERE id OPERATOR(pg_catalog.=) mine)"
# PL/pgSQL works an expression out by itself, and starts a query for any other: for an EXISTS behind an AND each time, also where
# the tenant was found.
AFTER = f"{_LOCK} IF FOUND THEN RETURN; END IF; IF {_THERE} THEN{_REFUSE}"
BEFORE = f"{_LOCK} IF NOT FOUND AND {_THERE} THEN{_REFUSE}"


def upgrade() -> None:
    """What it does stays, and so do its owner and who may call it."""
    _replace(AFTER)


def downgrade() -> None:
    _replace(BEFORE)


def _replace(body: str) -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION refuse_while_frozen() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $${body}$$"
    )
