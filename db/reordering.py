"""What is to be ordered again, worked out from rules, balances, orders that wait and drafts: one statement for whoever asks.

``$1`` is the tenant. Of the rules ``$2`` (null: of all), of the warehouse ``$3`` and from the supplier ``$4`` (null: of any),
at most ``$5``. With ``$6`` only those that have a supplier and a price.
"""

from db.pricing import best

_ROUNDED = """ceil(greatest(
    (s.target - (s.available - s.waiting + s.incoming + s.drafted)) * f.quantity / (f.base * t.multiple), t.minimum / t.multiple
)) * t.multiple * f.base / f.quantity"""
"""How many of the product's own unit are to be ordered: up to the target, then up to the supplier's minimum and multiple."""

PROPOSALS = f"""
    WITH rules AS (
        SELECT r.id, r.product_id, r.warehouse_id, r.location_id, r.point, r.target, r.supplier_id, p.sku, p.name, p.unit, p.units,
               p.tax_id, p.category_id,
               CASE p.tracking WHEN 'SERIAL' THEN 0 ELSE p.unit_decimals END AS decimals,
               w.code, t.timezone, (statement_timestamp() AT TIME ZONE t.timezone)::date AS today,
               row_number() OVER (PARTITION BY r.product_id ORDER BY w.rank NULLS LAST, w.code) = 1 AS first
        FROM reorder_rules r
        JOIN tenants t ON t.id = $1
        JOIN products p ON p.tenant_id = $1 AND p.id = r.product_id
        JOIN warehouses w ON w.tenant_id = $1 AND w.id = r.warehouse_id
        JOIN locations l ON l.tenant_id = $1 AND l.id = r.location_id
        WHERE r.tenant_id = $1 AND r.active AND p.active AND p.archived_at IS NULL AND w.archived_at IS NULL
              AND l.archived_at IS NULL AND ($2::uuid[] IS NULL OR r.product_id IN (
                  SELECT n.product_id FROM reorder_rules n WHERE n.tenant_id = $1 AND n.id = ANY($2)))
    ),
    asked AS (
        SELECT * FROM rules WHERE ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR warehouse_id = $3)
    ),
    counted AS (
        SELECT a.*, there.available, there.incoming, waits.quantity AS waiting, drafts.quantity AS drafted
        FROM asked a
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.incoming), 0) AS incoming,
                   coalesce(sum(s.available + CASE WHEN s.held_until <= statement_timestamp() THEN (
                       SELECT coalesce(sum(h.quantity), 0) FROM stock_hold_lines h
                       WHERE h.tenant_id = $1 AND h.product_id = s.product_id AND h.location_id = s.location_id
                             AND h.lot_id IS NOT DISTINCT FROM s.lot_id AND h.expires_at <= statement_timestamp()
                   ) ELSE 0 END) FILTER (WHERE l.kind = 'INTERNAL' AND (s.sellable_until IS NULL OR s.sellable_until >= a.today)),
                       0) AS available
            FROM stock_levels s JOIN locations l ON l.tenant_id = $1 AND l.id = s.location_id
            WHERE s.tenant_id = $1 AND s.product_id = a.product_id AND l.warehouse_id = a.warehouse_id
        ) there
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.quantity - l.reserved - l.shipped - l.cancelled), 0) AS quantity
            FROM line_items l JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
            WHERE l.tenant_id = $1 AND l.product_id = a.product_id AND l.reserved + l.shipped + l.cancelled < l.quantity
                  AND o.status = 'CONFIRMED' AND (o.allow_backorder OR l.released > 0)
                  AND (o.warehouse_id = a.warehouse_id OR a.first AND o.warehouse_id IS NULL)
        ) waits
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.base_quantity), 0) AS quantity
            FROM purchase_lines l JOIN purchase_orders o ON o.tenant_id = $1 AND o.id = l.purchase_order_id
            JOIN locations p ON p.tenant_id = $1 AND p.id = o.location_id
            WHERE l.tenant_id = $1 AND l.product_id = a.product_id AND o.status = 'DRAFT' AND p.warehouse_id = a.warehouse_id
        ) drafts
    )
    SELECT s.id AS rule_id, s.product_id, s.sku, s.name, s.location_id, s.point, s.target, s.timezone,
           statement_timestamp() AS now, s.available, s.waiting, s.incoming, s.drafted,
           s.available - s.waiting + s.incoming + s.drafted AS projected,
           o.supplier_id, coalesce(o.unit, s.unit) AS unit, s.unit AS own_unit, s.units, s.decimals, coalesce(o.minimum, 0) AS minimum,
           coalesce(o.multiple, 1) AS multiple, o.lead_days, o.price, o.currency, o.listed, o.list_currency,
           o.tax_group_id, coalesce(s.tax_id, (SELECT c.tax_id FROM product_categories c
                                               WHERE c.tenant_id = $1 AND c.id = s.category_id)) AS tax_id
    FROM counted s
    LEFT JOIN LATERAL (
        SELECT t.*, p.tax_group_id, listed.amount AS listed, listed.currency AS list_currency
        FROM (
            SELECT o.id, o.supplier_id, o.unit, o.minimum, o.multiple, o.lead_days, o.priority, o.price, o.currency
            FROM product_suppliers o
            WHERE o.tenant_id = $1 AND o.product_id = s.product_id AND o.supplier_id = coalesce(s.supplier_id, o.supplier_id)
            UNION ALL
            SELECT NULL, s.supplier_id, s.unit, 0, 1, NULL, 0, NULL, NULL
            WHERE s.supplier_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM product_suppliers o
                WHERE o.tenant_id = $1 AND o.product_id = s.product_id AND o.supplier_id = s.supplier_id)
        ) t
        JOIN partners p ON p.tenant_id = $1 AND p.id = t.supplier_id AND p.archived_at IS NULL AND 'SUPPLIER' = ANY(p.kinds)
        LEFT JOIN LATERAL (
            SELECT (u ->> 'base')::numeric AS base, (u ->> 'quantity')::numeric AS quantity
            FROM jsonb_array_elements(s.units) u WHERE u ->> 'code' = t.unit AND t.unit <> s.unit LIMIT 1
        ) u ON true
        CROSS JOIN LATERAL (SELECT coalesce(u.base, 1) AS base, coalesce(u.quantity, 1) AS quantity) f
        LEFT JOIN LATERAL (
            SELECT e.amount, l.currency
            FROM price_lists l CROSS JOIN LATERAL ({best("l.id", "s.product_id", _ROUNDED, "s.today")}) e
            WHERE l.tenant_id = $1 AND l.id = p.purchase_price_list_id AND l.active AND NOT l.tax_included
        ) listed ON true
        ORDER BY t.priority, coalesce(listed.amount, t.price * f.quantity / f.base) NULLS LAST, t.id LIMIT 1
    ) o ON true
    WHERE s.available - s.waiting + s.incoming + s.drafted < s.point
          AND ($4::uuid IS NULL OR o.supplier_id = $4) AND (NOT $6 OR coalesce(o.listed, o.price) IS NOT NULL)
    ORDER BY s.sku, s.code LIMIT $5
"""
"""Sums by rule, each by an index: joins of sums took seconds for 500 rules where the tables had no statistics yet.

A draft and an order that waits count before anything is announced, or two runs would buy twice. What waits for any warehouse
is bought for one: the first in the tenant's order of warehouses that has a rule for the product.

What a supplier asks is by its price list, for as many as are to be ordered, else by its terms; the cheapest is found by the
product's own unit, whatever each supplier sells it in. What it comes to exactly, ``core.reordering`` works out.
"""
