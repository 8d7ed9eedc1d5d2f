"""The roles, row-level security, and how a transaction says which tenant it is for.

Two locks on one door: every query carries the tenant as a predicate, and the database refuses
rows of other tenants even if a query forgets to (docs/decisions/0001-tenancy.md).
"""

from uuid import UUID

OWNER = "erpgraph_owner"
"""Owns the schema and migrates it. No request is ever served as this role."""

APP = "erpgraph_app"
"""Serves. Owns nothing, bypasses nothing, and may not change the ledger."""

PARTNER = "erpgraph_partner"
"""What a transaction becomes for a business partner's request: it may only read, and sees of orders and
partners that partner's alone. The serving role may become it, and nobody logs in as it."""

BACKUP = "erpgraph_backup"
"""Reads every row of every tenant, and changes nothing: for backups. No request is ever served as this role, and the
serving role may not become it."""

LEDGERS = frozenset({"events", "stock_moves"})
"""What is kept for good, and so can be partitioned by month."""

APPEND_ONLY = LEDGERS | {"commits"}

CURRENT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
"""The transaction's tenant, or NULL, which equals nothing: without a tenant there are no rows."""


def set_tenant(tenant: UUID) -> str:
    """The statement that binds a transaction to a tenant.

    ``SET LOCAL`` with a literal, not ``set_config()``: a sharded cluster hands only the former on to
    its workers. The value is a UUID by type, so there is nothing to quote.
    """
    return f"SET LOCAL app.tenant_id = '{UUID(int=tenant.int)}'"


def set_partner(partner: UUID) -> str:
    """The statement that narrows a transaction to what a business partner may see."""
    return f"SET LOCAL app.partner_id = '{UUID(int=partner.int)}';SET LOCAL ROLE {PARTNER}"


def set_price_list(price_list: UUID) -> str:
    """The statement that lets a business partner's transaction see the prices of one list: of its own, as its row says."""
    return f"SET LOCAL app.price_list_id = '{UUID(int=price_list.int)}'"
