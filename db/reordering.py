"""What is to be ordered again, worked out from rules, balances, orders that wait and drafts: one statement for whoever asks.

``$1`` is the tenant. Of the rules ``$2`` (null: of all), of the warehouse ``$3`` and from the supplier ``$4`` (null: of any),
at most ``$5``. With ``$6`` only those that have a supplier and a price.
"""

PROPOSALS = """
    WITH rules AS (
        SELECT r.id, r.product_id, r.warehouse_id, r.location_id, r.point, r.target, r.supplier_id, p.sku, p.name, p.unit,
               w.code, t.timezone,
               row_number() OVER (PARTITION BY r.product_id ORDER BY w.rank NULLS LAST, w.code) = 1 AS first
        FROM reorder_rules r
        JOIN tenants t ON t.id = $1
        JOIN products p ON p.tenant_id = $1 AND p.id = r.product_id
        JOIN warehouses w ON w.tenant_id = $1 AND w.id = r.warehouse_id
        JOIN locations l ON l.tenant_id = $1 AND l.id = r.location_id
        WHERE r.tenant_id = $1 AND r.active AND p.active AND p.archived_at IS NULL AND w.archived_at IS NULL
              AND l.archived_at IS NULL
    ),
    asked AS (
        SELECT * FROM rules WHERE ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR warehouse_id = $3)
    ),
    ended AS (
        SELECT product_id, location_id, sum(quantity) AS quantity FROM stock_hold_lines
        WHERE tenant_id = $1 AND expires_at <= statement_timestamp() GROUP BY 1, 2
    ),
    there AS (
        SELECT s.product_id, l.warehouse_id, sum(s.incoming) AS incoming,
               sum(s.available + coalesce(e.quantity, 0)) FILTER (WHERE l.kind = 'INTERNAL') AS available
        FROM stock_levels s JOIN locations l ON l.tenant_id = $1 AND l.id = s.location_id
        LEFT JOIN ended e ON (e.product_id, e.location_id) = (s.product_id, s.location_id)
        WHERE s.tenant_id = $1 AND s.product_id IN (SELECT product_id FROM asked) GROUP BY 1, 2
    ),
    waits AS (
        SELECT l.product_id, o.warehouse_id, sum(l.quantity - l.reserved - l.shipped - l.cancelled) AS quantity
        FROM line_items l JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
        WHERE l.tenant_id = $1 AND l.product_id IN (SELECT product_id FROM asked)
              AND l.reserved + l.shipped + l.cancelled < l.quantity
              AND o.status = 'CONFIRMED' AND (o.allow_backorder OR l.released > 0)
        GROUP BY 1, 2
    ),
    drafts AS (
        SELECT l.product_id, p.warehouse_id, sum(l.base_quantity) AS quantity
        FROM purchase_orders o JOIN purchase_lines l ON l.tenant_id = $1 AND l.purchase_order_id = o.id
        JOIN locations p ON p.tenant_id = $1 AND p.id = o.location_id
        WHERE o.tenant_id = $1 AND o.status = 'DRAFT' GROUP BY 1, 2
    ),
    counted AS (
        SELECT a.*, coalesce(t.available, 0) AS available, coalesce(t.incoming, 0) AS incoming,
               coalesce(d.quantity, 0) AS drafted,
               coalesce(here.quantity, 0) + CASE WHEN a.first THEN coalesce(anywhere.quantity, 0) ELSE 0 END AS waiting
        FROM asked a
        LEFT JOIN there t ON (t.product_id, t.warehouse_id) = (a.product_id, a.warehouse_id)
        LEFT JOIN drafts d ON (d.product_id, d.warehouse_id) = (a.product_id, a.warehouse_id)
        LEFT JOIN waits here ON (here.product_id, here.warehouse_id) = (a.product_id, a.warehouse_id)
        LEFT JOIN waits anywhere ON anywhere.product_id = a.product_id AND anywhere.warehouse_id IS NULL
    ),
    short AS (
        SELECT *, available - waiting + incoming + drafted AS projected FROM counted
        WHERE available - waiting + incoming + drafted < point
    ),
    offers AS (
        SELECT DISTINCT ON (s.id) s.id AS rule, o.supplier_id, o.unit, o.minimum, o.multiple, o.lead_days, o.price, o.currency
        FROM short s
        JOIN product_suppliers o ON o.tenant_id = $1 AND o.product_id = s.product_id
             AND o.supplier_id = coalesce(s.supplier_id, o.supplier_id)
        JOIN partners p ON p.tenant_id = $1 AND p.id = o.supplier_id AND p.archived_at IS NULL AND 'SUPPLIER' = ANY(p.kinds)
        ORDER BY s.id, o.priority, o.price NULLS LAST, o.id
    )
    SELECT s.id AS rule_id, s.product_id, s.sku, s.name, s.location_id, s.point, s.target, s.timezone,
           statement_timestamp() AS now, s.available, s.waiting, s.incoming, s.drafted, s.projected,
           coalesce(o.supplier_id, p.id) AS supplier_id, coalesce(o.unit, s.unit) AS unit, coalesce(o.minimum, 0) AS minimum,
           coalesce(o.multiple, 1) AS multiple, o.lead_days, o.price, o.currency
    FROM short s LEFT JOIN offers o ON o.rule = s.id
    LEFT JOIN partners p ON p.tenant_id = $1 AND p.id = s.supplier_id AND p.archived_at IS NULL AND 'SUPPLIER' = ANY(p.kinds)
    WHERE ($4::uuid IS NULL OR coalesce(o.supplier_id, p.id) = $4) AND (NOT $6 OR o.price IS NOT NULL)
    ORDER BY s.sku, s.code LIMIT $5
"""
"""A draft and an order that waits count before anything is announced, or two runs would buy twice. What waits for any warehouse
is bought for one: the first in the tenant's order of warehouses that has a rule for the product.
"""
