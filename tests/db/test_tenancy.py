"""The two roles and row-level security, read from the database's own catalog, and tried."""

import itertools
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.ids import new_id
from db.models import metadata
from db.runtime.engine import Target, administration
from db.tenancy import APP, APPEND_ONLY, BACKUP, OWNER, PARTNER, set_tenant

TENANT_TABLES = sorted(set(metadata.tables) - {"tenants"})
SEEN_BY_WORKERS = ("commits", "relay_cursors", "webhook_turns")
"""Of which the owner sees all tenants', as a worker has to that looks for what is due: ids, numbers and times."""

OF_ITS_LIST = ("price_lists", "prices")
"""Of which a business partner sees those of its price list, once its row has told which that is."""

PARTNERS_OWN = ("key_aliases", "line_items", "orders", "partners", *OF_ITS_LIST, "shipment_lines", "shipments")
"""Of which a business partner sees its own; of former keys, those of products too."""


@pytest.fixture
async def serving(target: Target) -> AsyncIterator[Any]:
    """A connection as requests have it, bound to no tenant."""
    connection = await asyncpg.connect(target.serving, server_settings=target.settings())
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def products(target: Target, acme: UUID, globex: UUID) -> dict[UUID, UUID]:
    """A product of each tenant."""
    made = {acme: new_id(), globex: new_id()}
    for tenant, product in made.items():
        async with administration(target, tenant) as connection:
            await connection.execute(
                "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, 'TENANCY', 'A product')",
                tenant,
                product,
            )
    return made


async def test_the_roles_can_bypass_nothing(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = ANY($1)",
        [OWNER, APP, PARTNER, BACKUP],
    )
    assert {tuple(row.values()) for row in rows} == {
        (OWNER, False, False, False, False),
        (APP, False, False, False, False),
        (PARTNER, False, False, False, False),
        (BACKUP, False, False, False, False),
    }
    assert not await admin.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", PARTNER)
    # It may become the partners' role, and doesn't inherit it: its policies would go for everybody.
    assert await admin.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", APP, PARTNER)
    assert not await admin.fetchval("SELECT pg_has_role($1, $2, 'USAGE')", APP, PARTNER)
    for other in (OWNER, BACKUP):
        assert not await admin.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", APP, other)
    assert not await admin.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", OWNER, BACKUP)


async def test_every_table_is_the_owners_and_closed(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT relname, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [(name, OWNER, True, True) for name in sorted(metadata.tables)]
    policies = await admin.fetch("SELECT tablename, policyname, roles FROM pg_policies ORDER BY 1, 2")
    assert [tuple(row.values()) for row in policies] == sorted(
        [(name, "tenant", ["public"]) for name in metadata.tables if name not in PARTNERS_OWN]
        + [(name, "tenant", [APP, OWNER]) for name in PARTNERS_OWN]
        + [(name, "administration", [OWNER]) for name in ("tenants", *SEEN_BY_WORKERS)]
        + [(name, "backup", [BACKUP]) for name in metadata.tables]
        + [(name, "partner", [PARTNER]) for name in PARTNERS_OWN]
    )


async def test_no_policy_is_restrictive_and_none_has_a_subquery(admin: Any) -> None:
    """A sharded cluster makes restrictive ones permissive on its shards, without a word, and refuses subqueries."""
    rows = await admin.fetch(
        "SELECT polrelid::regclass::text AS name, polname, polpermissive, concat(polqual, polwithcheck) AS tree,"
        " pg_get_expr(polqual, polrelid) AS rule FROM pg_policy ORDER BY 1, 2"
    )
    assert [row["name"] for row in rows if not row["polpermissive"] or "{SUBLINK" in row["tree"]] == []
    # Permissive ones add up, so a partner's has both of its conditions.
    rules = {row["name"]: row["rule"] for row in rows if row["polname"] == "partner"}
    assert sorted(rules) == sorted(PARTNERS_OWN)
    for name, rule in rules.items():
        assert "app.tenant_id" in rule, name
        assert ("app.price_list_id" if name in OF_ITS_LIST else "app.partner_id") in rule, name
    # Nobody has another's policies besides its own.
    for role, other in itertools.permutations((APP, OWNER, PARTNER, BACKUP), 2):
        assert not await admin.fetchval("SELECT pg_has_role($1, $2, 'USAGE')", role, other)


async def test_triggers_fill_columns_of_their_own_row(admin: Any) -> None:
    """Spread tables may have others only by hand: see ``migrations`` 0009 and 0013 before adding one."""
    rows = await admin.fetch("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        ("line_items", "customer"),
        *((table, "text") for table in ("orders", "partners", "products", "purchase_orders")),
    ]


async def test_a_line_is_of_its_orders_customer(fresh: Target) -> None:
    """Also if a program writes it that knows no such column, as the one before does while workers are replaced."""
    tenant, order, line, partners = new_id(), new_id(), new_id(), [new_id(), new_id()]
    change = "UPDATE {} SET customer_id = $2 WHERE tenant_id = $1"
    async with administration(fresh, tenant) as connection:
        await connection.execute("INSERT INTO tenants (id, name, currency) VALUES ($1, 'lines', 'EUR')", tenant)
        await connection.execute("INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $1, 'A', 'A')", tenant)
        await connection.execute(
            "INSERT INTO partners (tenant_id, id, code, name) SELECT $1, id, id::text, 'P' FROM unnest($2::uuid[]) id",
            *(tenant, partners),
        )
        await connection.execute(
            "WITH made AS (INSERT INTO orders (tenant_id, id, number, customer_id, currency, placed_at)"
            " VALUES ($1, $2, 'A', $4, 'EUR', now()))"
            " INSERT INTO line_items (tenant_id, id, order_id, position, product_id, description, quantity, currency,"
            " unit_price, total) SELECT $1, $3, $2, 1, $1, 'A', 1, 'EUR', 1, 1",
            *(tenant, order, line, partners[0]),
        )
        assert (
            await connection.fetchval("SELECT customer_id FROM line_items WHERE tenant_id = $1", tenant) == partners[0]
        )
    for table in ("orders", "line_items"):
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="fk_line_items_tenant_id_order_id_customer_id"):
            async with administration(fresh, tenant) as connection:
                await connection.execute(change.format(table), tenant, partners[1])
    async with administration(fresh, tenant) as connection:
        both = f"WITH lines AS ({change.format('line_items')}) {change.format('orders')}"
        assert await connection.execute(both, tenant, partners[1]) == "UPDATE 1"
        assert (
            await connection.fetchval("SELECT customer_id FROM line_items WHERE tenant_id = $1", tenant) == partners[1]
        )
        await connection.execute("UPDATE line_items SET customer_id = NULL WHERE tenant_id = $1", tenant)
        assert (
            await connection.fetchval("SELECT customer_id FROM line_items WHERE tenant_id = $1", tenant) == partners[1]
        )


async def test_the_serving_role_has_these_rights_and_no_others(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT table_name::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = $1 AND table_schema = 'public' GROUP BY 1",
        APP,
    )
    granted = dict(tuple(row.values()) for row in rows)
    expected = dict.fromkeys(TENANT_TABLES, "DELETE INSERT SELECT UPDATE")
    expected |= dict.fromkeys(APPEND_ONLY, "INSERT SELECT") | {
        "tenants": "SELECT",
        "api_keys": "SELECT",
        "alembic_version": "SELECT",
    }
    assert granted == expected
    assert not await admin.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", APP)


async def test_the_partners_role_may_read_what_partners_see(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT table_name::text, privilege_type FROM information_schema.role_table_grants WHERE grantee = $1", PARTNER
    )
    readable = (*PARTNERS_OWN, "commits", "product_categories", "products", "tax_substitutions", "taxes", "tenants")
    assert sorted(tuple(row.values()) for row in rows) == sorted((table, "SELECT") for table in readable)


async def test_the_role_for_backups_may_read_everything_and_write_nothing(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT table_name::text, privilege_type FROM information_schema.role_table_grants WHERE grantee = $1", BACKUP
    )
    assert sorted(tuple(row.values()) for row in rows) == [
        (table, "SELECT") for table in sorted([*metadata.tables, "alembic_version"])
    ]
    policies = await admin.fetch("SELECT cmd, permissive, qual FROM pg_policies WHERE policyname = 'backup'")
    assert {tuple(row.values()) for row in policies} == {("SELECT", "PERMISSIVE", "true")}


async def test_every_key_carries_the_tenant(admin: Any) -> None:
    rows = await admin.fetch(
        'SELECT conrelid::regclass::text AS "table", conname, contype::text, confrelid::regclass::text AS target,'
        " (SELECT array_agg(attname::text ORDER BY n) FROM unnest(conkey) WITH ORDINALITY AS k(key, n)"
        "  JOIN pg_attribute ON attrelid = conrelid AND attnum = key) AS columns"
        " FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace"
    )
    checked = 0
    for row in rows:
        if row["table"] in TENANT_TABLES:
            assert row["columns"][0] == "tenant_id", row["conname"]
            assert row["contype"] != "p" or row["columns"] == ["tenant_id", "id"]
            checked += 1
    assert checked > 3 * len(TENANT_TABLES) - 10


async def test_every_index_begins_with_the_tenant(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT indexrelid::regclass::text AS name, attname FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
        " LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE relname = ANY($1)",
        TENANT_TABLES,
    )
    assert [row["name"] for row in rows if row["attname"] != "tenant_id"] == []
    assert len(rows) > len(TENANT_TABLES)


async def test_the_policy_alone_holds(serving: Any, products: dict[UUID, UUID]) -> None:
    everything = "SELECT tenant_id, id FROM products WHERE sku = 'TENANCY'"
    assert await serving.fetch(everything) == []
    for tenant, product in products.items():
        async with serving.transaction():
            await serving.execute(set_tenant(tenant))
            assert [tuple(row.values()) for row in await serving.fetch(everything)] == [(tenant, product)]
            assert await serving.fetchval("SELECT array_agg(id) FROM tenants") == [tenant]
    assert await serving.fetch(everything) == []
    async with serving.transaction():
        await serving.execute(set_tenant(uuid4()))
        assert await serving.fetch(everything) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, gen_random_uuid(), 'FOREIGN', 'x')",
        "UPDATE products SET tenant_id = $1 WHERE sku = 'TENANCY'",
    ],
)
async def test_no_row_can_be_written_for_another(
    serving: Any, admin: Any, products: dict[UUID, UUID], acme: UUID, globex: UUID, statement: str
) -> None:
    before = await admin.fetch("SELECT tenant_id, id, sku FROM products ORDER BY 1, 2")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with serving.transaction():
            await serving.execute(set_tenant(acme))
            await serving.execute(statement, globex)
    assert await admin.fetch("SELECT tenant_id, id, sku FROM products ORDER BY 1, 2") == before


async def test_changes_of_everything_stay_at_home(
    serving: Any, admin: Any, products: dict[UUID, UUID], acme: UUID, globex: UUID
) -> None:
    foreign = "SELECT * FROM products WHERE tenant_id = $1 AND sku = 'TENANCY'"
    before = await admin.fetch(foreign, globex)
    transaction = serving.transaction()
    await transaction.start()
    await serving.execute(set_tenant(acme))
    assert await serving.execute("UPDATE products SET name = 'y' WHERE sku = 'TENANCY'") == "UPDATE 1"
    assert await serving.execute("DELETE FROM products WHERE sku = 'TENANCY'") == "DELETE 1"
    await transaction.rollback()
    assert await admin.fetch(foreign, globex) == before


async def test_a_reference_to_anothers_row_cannot_exist(
    target: Target, products: dict[UUID, UUID], acme: UUID, globex: UUID
) -> None:
    async with administration(target, acme) as connection:
        await connection.execute(
            "INSERT INTO locations (tenant_id, id, code, name) VALUES ($1, $1, 'TENANCY', 'x') ON CONFLICT DO NOTHING",
            acme,
        )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with administration(target, acme) as connection:
            await connection.execute(
                "INSERT INTO stock_levels (tenant_id, id, product_id, location_id) VALUES ($1, $2, $3, $1)",
                *(acme, new_id(), products[globex]),
            )


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE products DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY open ON products USING (true)",
        "DROP POLICY tenant ON products",
        "ALTER ROLE erpgraph_app BYPASSRLS",
        "CREATE TABLE mine (id int)",
        "TRUNCATE products",
        "UPDATE stock_moves SET quantity = 1",
        "DELETE FROM stock_moves",
        "INSERT INTO tenants (id, name, currency) VALUES (gen_random_uuid(), 'x', 'EUR')",
        "UPDATE alembic_version SET version_num = 'x'",
    ],
)
async def test_the_serving_role_cannot_open_the_door(serving: Any, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await serving.execute(statement)


@pytest.mark.parametrize("role", [OWNER, "postgres"])
async def test_a_direct_login_cannot_become_another(target: Target, serving: Any, role: str) -> None:
    if target.serving == target.admin:
        pytest.skip("this server is reached by one login, which takes the serving role itself")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await serving.execute(f"SET ROLE {role}")
    await serving.execute("RESET ROLE")
    assert await serving.fetchval("SELECT current_user") == APP


async def test_the_owner_too_sees_one_tenant(target: Target, products: dict[UUID, UUID], acme: UUID) -> None:
    async with administration(target) as connection:
        assert await connection.fetchval("SELECT count(*) FROM products") == 0
    async with administration(target, acme) as connection:
        assert await connection.fetchval("SELECT array_agg(id) FROM products WHERE sku = 'TENANCY'") == [products[acme]]
