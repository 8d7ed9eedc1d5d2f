"""What balances must follow from."""

from db.checks.kit import Check

_ENTRIES = """(
    SELECT product_id, destination_id AS location_id, quantity FROM stock_moves WHERE tenant_id = $1
    UNION ALL SELECT product_id, source_id, -quantity FROM stock_moves WHERE tenant_id = $1
)"""

CHECKS = (
    Check(
        "What is on hand came in and didn't go out.",
        f"""
        SELECT coalesce(s.product_id, m.product_id), coalesce(s.location_id, m.location_id), NULL::uuid, NULL::uuid,
               coalesce(m.moved, 0), coalesce(s.on_hand, 0)
        FROM (SELECT e.product_id, e.location_id, sum(e.quantity) AS moved FROM {_ENTRIES} e
              JOIN locations l ON l.tenant_id = $1 AND l.id = e.location_id
              WHERE l.kind IN ('INTERNAL', 'QUARANTINE', 'TRANSIT') GROUP BY 1, 2) m
        FULL JOIN (SELECT * FROM stock_levels WHERE tenant_id = $1) s
             ON (s.product_id, s.location_id) = (m.product_id, m.location_id)
        WHERE coalesce(m.moved, 0) <> coalesce(s.on_hand, 0)
        """,
    ),
    Check(
        "Only places where goods are counted have balances.",
        """
        SELECT s.product_id, s.location_id, NULL::uuid, NULL::uuid, 0, s.on_hand
        FROM stock_levels s JOIN locations l ON l.tenant_id = $1 AND l.id = s.location_id
        WHERE s.tenant_id = $1 AND l.kind NOT IN ('INTERNAL', 'QUARANTINE', 'TRANSIT')
        """,
    ),
    Check(
        "What is reserved of a balance is the sum of its reservations and holds.",
        """
        SELECT coalesce(s.product_id, r.product_id), coalesce(s.location_id, r.location_id), NULL::uuid, NULL::uuid,
               coalesce(r.held, 0), coalesce(s.reserved, 0)
        FROM (SELECT product_id, location_id, sum(quantity) AS held FROM (
                  SELECT product_id, location_id, quantity FROM reservations WHERE tenant_id = $1
                  UNION ALL SELECT product_id, location_id, quantity FROM stock_hold_lines WHERE tenant_id = $1
              ) both_kinds GROUP BY 1, 2) r
        FULL JOIN (SELECT * FROM stock_levels WHERE tenant_id = $1) s
             ON (s.product_id, s.location_id) = (r.product_id, r.location_id)
        WHERE coalesce(r.held, 0) <> coalesce(s.reserved, 0)
        """,
    ),
    Check(
        "No more is reserved than is on hand, and nothing is below zero.",
        """
        SELECT product_id, location_id, NULL::uuid, NULL::uuid, on_hand, reserved FROM stock_levels
        WHERE tenant_id = $1 AND NOT (on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand)
        """,
    ),
    Check(
        "Goods are kept where they can be sold, by holds that stand until then.",
        """
        SELECT l.product_id, l.location_id, NULL::uuid, NULL::uuid, 0, l.quantity
        FROM stock_hold_lines l
        JOIN stock_holds h ON h.tenant_id = $1 AND h.id = l.hold_id
        JOIN locations p ON p.tenant_id = $1 AND p.id = l.location_id
        WHERE l.tenant_id = $1 AND (p.kind <> 'INTERNAL' OR h.status <> 'HELD' OR h.expires_at <> l.expires_at)
        """,
    ),
    Check(
        "A balance knows when the first hold of it ends.",
        """
        SELECT l.product_id, l.location_id, NULL::uuid, NULL::uuid, NULL::numeric, l.quantity
        FROM stock_hold_lines l
        JOIN stock_levels s ON s.tenant_id = $1 AND (s.product_id, s.location_id) = (l.product_id, l.location_id)
        WHERE l.tenant_id = $1 AND (s.held_until IS NULL OR s.held_until > l.expires_at)
        """,
    ),
)
