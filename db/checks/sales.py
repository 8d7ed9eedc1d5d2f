"""What orders, their reservations and their moves must agree on."""

from db.checks.kit import Check

_MINE = "l.tenant_id = $1 AND o.tenant_id = $1 AND o.id = l.order_id"
_LINES = f"line_items l JOIN orders o ON {_MINE}"
_LINE = "l.product_id, NULL::uuid, l.id, l.order_id"


def _moved(end: str) -> str:
    """What moved to or from customers for each line."""
    return f"""(
        SELECT m.line_item_id AS id, sum(m.quantity) AS quantity
        FROM stock_moves m JOIN locations a ON a.tenant_id = $1 AND a.id = m.{end}
        WHERE m.tenant_id = $1 AND m.line_item_id IS NOT NULL AND a.kind = 'CUSTOMER' GROUP BY 1
    )"""


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
        FROM {_LINES} LEFT JOIN {_moved("destination_id")} m ON m.id = l.id
        WHERE l.shipped <> coalesce(m.quantity, 0) AND (o.confirmed_at IS NOT NULL OR m.id IS NOT NULL)
        """,
    ),
    Check(
        "What was returned of a line moved back.",
        f"""
        SELECT {_LINE}, coalesce(m.quantity, 0), l.returned
        FROM line_items l LEFT JOIN {_moved("source_id")} m ON m.id = l.id
        WHERE l.tenant_id = $1 AND l.returned <> coalesce(m.quantity, 0)
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
        "Lines of a confirmed order wait only if they may.",
        f"""
        SELECT {_LINE}, 0, l.quantity - l.reserved - l.shipped - l.cancelled FROM {_LINES}
        WHERE o.status = 'CONFIRMED' AND NOT o.allow_backorder AND l.reserved + l.shipped + l.cancelled < l.quantity
        """,
    ),
    Check(
        "Nothing waits for goods that are available.",
        f"""
        SELECT l.product_id, s.location_id, l.id, l.order_id, 0, s.available
        FROM {_LINES}
        JOIN stock_levels s ON s.tenant_id = $1 AND s.product_id = l.product_id AND s.available > 0
        JOIN locations p ON p.tenant_id = $1 AND p.id = s.location_id AND p.kind = 'INTERNAL'
        WHERE o.status = 'CONFIRMED' AND o.allow_backorder AND l.reserved + l.shipped + l.cancelled < l.quantity
          AND (o.warehouse_id IS NULL OR o.warehouse_id = p.warehouse_id)
        """,
    ),
    Check(
        "An order's subtotal is the sum of its lines' totals.",
        """
        SELECT NULL::uuid, NULL::uuid, NULL::uuid, o.id, coalesce(l.total, 0), o.subtotal
        FROM orders o LEFT JOIN (SELECT order_id, sum(total) AS total FROM line_items WHERE tenant_id = $1 GROUP BY 1) l
             ON l.order_id = o.id
        WHERE o.tenant_id = $1 AND o.subtotal <> coalesce(l.total, 0)
        """,
    ),
)
