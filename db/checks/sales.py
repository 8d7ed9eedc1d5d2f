"""What orders, their reservations and their moves must agree on."""

from db import rollups
from db.checks.kit import Check, rounded

_MINE = "l.tenant_id = $1 AND o.tenant_id = $1 AND o.id = l.order_id"
_LINES = f"line_items l JOIN orders o ON {_MINE}"
_LINE = "l.product_id, NULL::uuid, l.id, l.order_id"


_SHIPPED = """(
    SELECT id, sum(quantity) AS quantity FROM (
        SELECT m.line_item_id AS id, m.quantity
        FROM stock_moves m JOIN locations a ON a.tenant_id = $1 AND a.id = m.destination_id
        WHERE m.tenant_id = $1 AND m.line_item_id IS NOT NULL AND a.kind = 'CUSTOMER'
        UNION ALL
        SELECT line_item_id, -quantity FROM shipment_lines WHERE tenant_id = $1 AND back_id IS NOT NULL
    ) both_ways GROUP BY 1
)"""
"""What moved to customers for each line, less what cancelled shipments brought back."""

_RETURNED = """(
    SELECT m.line_item_id AS id, sum(m.quantity) AS quantity
    FROM stock_moves m JOIN locations a ON a.tenant_id = $1 AND a.id = m.source_id
    LEFT JOIN shipment_lines b ON b.tenant_id = $1 AND b.back_id = m.id
    WHERE m.tenant_id = $1 AND m.line_item_id IS NOT NULL AND a.kind = 'CUSTOMER' AND b.id IS NULL GROUP BY 1
)"""

_OUT_BY_LOT = """(
    SELECT id, coalesce(sum(least(quantity, 0)) FILTER (WHERE lot IS NOT NULL), 0)
               + coalesce(sum(quantity) FILTER (WHERE lot IS NULL), 0) AS quantity
    FROM (
        SELECT m.line_item_id AS id, m.lot_id AS lot,
               sum(CASE a.kind WHEN 'CUSTOMER' THEN m.quantity ELSE -m.quantity END) AS quantity
        FROM stock_moves m JOIN locations a ON a.tenant_id = $1 AND a.id = m.destination_id
        WHERE m.tenant_id = $1 AND m.line_item_id IS NOT NULL GROUP BY 1, 2
    ) lots GROUP BY 1
)"""
"""By line what is out without a lot, less what came back of lots that hadn't left: goods that left before they were tracked may come back
as any.
"""

_OF_SHIPMENTS = """
    shipment_lines s JOIN shipments h ON h.tenant_id = $1 AND h.id = s.shipment_id
    JOIN line_items l ON l.tenant_id = $1 AND l.id = s.line_item_id
"""
_SPOT = "l.product_id, s.location_id, l.id, l.order_id"

_TAX = "sum(l.total) * x.rate / CASE WHEN o.prices_include_tax THEN 100 + x.rate ELSE 100 END"
_TAXES = f"""
    SELECT k.id, k.nets, k.tax, CASE WHEN k.included THEN k.total - k.tax ELSE k.total END AS base
    FROM (
        SELECT o.id, o.prices_include_tax AS included, sum(l.total) AS total, sum(coalesce(l.net, l.total)) AS nets,
               {rounded(_TAX, "o.currency")} AS tax
        FROM {_LINES} JOIN taxes x ON x.tenant_id = $1 AND x.id = l.tax_id
        GROUP BY o.id, o.prices_include_tax, o.currency, x.category, x.rate
    ) k
"""
"""What orders' lines bear by category and rate: what of them isn't tax by the lines, the tax, and what isn't tax by that."""

CHECKS = (
    Check(
        "What is reserved for a line is the sum of its reservations.",
        f"""
        SELECT {_LINE}, coalesce(r.held, 0), l.reserved
        FROM line_items l LEFT JOIN (SELECT line_item_id, product_id, sum(quantity) AS held FROM reservations
                                     WHERE tenant_id = $1 GROUP BY 1, 2) r
             ON (r.line_item_id, r.product_id) = (l.id, l.product_id)
        WHERE l.tenant_id = $1 AND l.reserved <> coalesce(r.held, 0)
        """,
    ),
    Check(
        "Goods are reserved where they can be sold, for lines of confirmed orders.",
        f"""
        SELECT r.product_id, r.location_id, l.id, l.order_id, 0, r.quantity
        FROM reservations r
        JOIN locations p ON p.tenant_id = $1 AND p.id = r.location_id
        JOIN ({_LINES}) ON l.id = r.line_item_id
        WHERE r.tenant_id = $1 AND (p.kind <> 'INTERNAL' OR o.status <> 'CONFIRMED' OR r.product_id <> l.product_id)
        """,
    ),
    Check(
        # Imported orders are history: they were never confirmed here, and moved no goods.
        "What was shipped of a line moved to customers.",
        f"""
        SELECT {_LINE}, coalesce(m.quantity, 0), l.shipped
        FROM {_LINES} LEFT JOIN {_SHIPPED} m ON m.id = l.id
        WHERE l.shipped <> coalesce(m.quantity, 0) AND (o.confirmed_at IS NOT NULL OR m.id IS NOT NULL)
        """,
    ),
    Check(
        # Of imported orders, which were never confirmed here, what had come back before moved no goods.
        "What was returned of a line moved back.",
        f"""
        SELECT {_LINE}, coalesce(m.quantity, 0), l.returned
        FROM {_LINES} LEFT JOIN {_RETURNED} m ON m.id = l.id
        WHERE l.returned < coalesce(m.quantity, 0) OR (o.confirmed_at IS NOT NULL AND l.returned <> coalesce(m.quantity, 0))
        """,
    ),
    Check(
        "No more of a lot came back from a line than had left for it.",
        f"""
        SELECT {_LINE}, 0, b.quantity
        FROM line_items l JOIN {_OUT_BY_LOT} b ON b.id = l.id
        WHERE l.tenant_id = $1 AND b.quantity < 0
        """,
    ),
    Check(
        "Goods move for a line only if they are of its product.",
        """
        SELECT m.product_id, NULL::uuid, l.id, l.order_id, 0, m.quantity
        FROM stock_moves m JOIN line_items l ON l.tenant_id = $1 AND l.id = m.line_item_id
        WHERE m.tenant_id = $1 AND m.product_id <> l.product_id
        """,
    ),
    Check(
        "No more of a line is reserved, shipped and cancelled than was ordered.",
        f"""
        SELECT {_LINE}, l.quantity, l.reserved + l.shipped + l.cancelled FROM line_items l
        WHERE l.tenant_id = $1 AND NOT (l.reserved + l.shipped + l.cancelled <= l.quantity)
        """,
    ),
    Check(
        "No more of a line came back than was shipped.",
        f"SELECT {_LINE}, l.shipped, l.returned FROM line_items l WHERE l.tenant_id = $1 AND NOT (l.returned <= l.shipped)",
    ),
    Check(
        "Nothing is reserved, shipped or cancelled of a draft.",
        f"""
        SELECT {_LINE}, 0, l.reserved + l.shipped + l.cancelled FROM {_LINES}
        WHERE o.status = 'DRAFT' AND l.reserved + l.shipped + l.cancelled <> 0
        """,
    ),
    Check(
        "All of a closed order that was not cancelled was shipped.",
        f"""
        SELECT {_LINE}, l.quantity - l.cancelled, l.shipped FROM {_LINES}
        WHERE o.status = 'CLOSED' AND l.shipped + l.cancelled <> l.quantity
        """,
    ),
    Check(
        "All of a cancelled order is cancelled.",
        f"SELECT {_LINE}, l.quantity, l.cancelled FROM {_LINES} WHERE o.status = 'CANCELLED' AND l.cancelled <> l.quantity",
    ),
    Check(
        "Something is left to ship of a confirmed order.",
        f"""
        SELECT NULL::uuid, NULL::uuid, NULL::uuid, o.id, NULL::numeric, sum(l.quantity - l.shipped - l.cancelled)
        FROM {_LINES} WHERE o.status = 'CONFIRMED'
        GROUP BY o.id HAVING sum(l.quantity - l.shipped - l.cancelled) <= 0
        """,
    ),
    Check(
        "Lines of a confirmed order wait only if they may, or were released.",
        f"""
        SELECT {_LINE}, 0, l.quantity - l.reserved - l.shipped - l.cancelled FROM {_LINES}
        WHERE o.status = 'CONFIRMED' AND NOT o.allow_backorder AND l.reserved + l.shipped + l.cancelled + l.released < l.quantity
        """,
    ),
    Check(
        "Nothing waits for goods that are available, but what was released.",
        f"""
        SELECT l.product_id, s.location_id, l.id, l.order_id, 0, s.available
        FROM {_LINES}
        JOIN stock_levels s ON s.tenant_id = $1 AND s.product_id = l.product_id AND s.available > 0
             AND (s.sellable_until IS NULL
                  OR s.sellable_until >= (statement_timestamp() AT TIME ZONE (SELECT timezone FROM tenants WHERE id = $1))::date)
        JOIN locations p ON p.tenant_id = $1 AND p.id = s.location_id AND p.kind = 'INTERNAL'
        WHERE o.status = 'CONFIRMED' AND o.allow_backorder
          AND l.reserved + l.shipped + l.cancelled + l.released < l.quantity AND (o.warehouse_id IS NULL OR o.warehouse_id = p.warehouse_id)
        """,
    ),
    Check(
        # A shipment's lines are moves, whose ids they have.
        "What a shipment says left is a move of these goods.",
        f"""
        SELECT {_SPOT}, s.quantity, m.quantity
        FROM {_OF_SHIPMENTS} LEFT JOIN stock_moves m ON m.tenant_id = $1 AND m.id = s.id
        WHERE s.tenant_id = $1
          AND ((m.line_item_id, m.source_id, m.quantity, m.lot_id)
               IS DISTINCT FROM (s.line_item_id, s.location_id, s.quantity, s.lot_id)
               OR h.order_id <> l.order_id)
        """,
    ),
    Check(
        "The goods of cancelled shipments, and of no others, are back where they left from.",
        f"""
        SELECT {_SPOT}, CASE h.status WHEN 'CANCELLED' THEN s.quantity ELSE 0 END, coalesce(m.quantity, 0)
        FROM {_OF_SHIPMENTS} LEFT JOIN stock_moves m ON m.tenant_id = $1 AND m.id = s.back_id
        WHERE s.tenant_id = $1 AND CASE h.status WHEN 'CANCELLED'
              THEN (m.line_item_id, m.destination_id, m.quantity, m.lot_id)
                   IS DISTINCT FROM (s.line_item_id, s.location_id, s.quantity, s.lot_id)
              ELSE s.back_id IS NOT NULL END
        """,
    ),
    Check(
        # Not less either, but for what the program of before shipped while servers were being replaced.
        "No more of a line stands in shipments than was shipped.",
        f"""
        SELECT {_LINE}, l.shipped, s.quantity
        FROM line_items l JOIN (
            SELECT s.line_item_id AS id, sum(s.quantity) AS quantity
            FROM shipment_lines s JOIN shipments h ON h.tenant_id = $1 AND h.id = s.shipment_id
            WHERE s.tenant_id = $1 AND h.status = 'SHIPPED' GROUP BY 1
        ) s ON s.id = l.id
        WHERE l.tenant_id = $1 AND s.quantity > l.shipped
        """,
    ),
    Check(
        "An order's subtotal is the sum of its lines before tax.",
        """
        SELECT NULL::uuid, NULL::uuid, NULL::uuid, o.id, coalesce(l.net, 0), o.subtotal
        FROM orders o LEFT JOIN (SELECT order_id, sum(coalesce(net, total)) AS net FROM line_items
                                 WHERE tenant_id = $1 GROUP BY 1) l ON l.order_id = o.id
        WHERE o.tenant_id = $1 AND o.subtotal <> coalesce(l.net, 0)
        """,
    ),
    Check(
        # Of days that were changed since, and are read from lines until they are worked out again, nothing is said.
        # 'erpgraph rollup verify' compares all.
        "Sums that are kept of a day's lines are those of the lines.",
        rollups.DAYS_DIFFERENT,
    ),
    Check(
        "An order's tax is the sum of what its lines bear, rounded by category and rate.",
        f"""
        SELECT NULL::uuid, NULL::uuid, NULL::uuid, o.id, coalesce(t.tax, 0), o.tax_total
        FROM orders o LEFT JOIN (SELECT id, sum(tax) AS tax FROM ({_TAXES}) t GROUP BY 1) t ON t.id = o.id
        WHERE o.tenant_id = $1 AND o.tax_total <> coalesce(t.tax, 0)
        """,
    ),
    Check(
        "What of an order's lines isn't tax is what its taxes leave.",
        f"SELECT NULL::uuid, NULL::uuid, NULL::uuid, t.id, t.base, t.nets FROM ({_TAXES}) t WHERE t.base <> t.nets",
    ),
)
