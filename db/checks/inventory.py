"""What balances must follow from."""

from db.checks.kit import Check

_LOT = "coalesce(lot_id, '00000000-0000-0000-0000-000000000000') AS lot"
"""A lot that can be compared where there is none."""

_ENTRIES = f"""(
    SELECT product_id, destination_id AS location_id, quantity, {_LOT} FROM stock_moves WHERE tenant_id = $1
    UNION ALL SELECT product_id, source_id, -quantity, {_LOT} FROM stock_moves WHERE tenant_id = $1
)"""
_BALANCES = f"(SELECT *, {_LOT} FROM stock_levels WHERE tenant_id = $1)"

CHECKS = (
    Check(
        "What is on hand came in and didn't go out.",
        f"""
        SELECT coalesce(s.product_id, m.product_id), coalesce(s.location_id, m.location_id), NULL::uuid, NULL::uuid,
               coalesce(m.moved, 0), coalesce(s.on_hand, 0)
        FROM (SELECT e.product_id, e.location_id, e.lot, sum(e.quantity) AS moved FROM {_ENTRIES} e
              JOIN locations l ON l.tenant_id = $1 AND l.id = e.location_id
              WHERE l.kind IN ('INTERNAL', 'QUARANTINE', 'TRANSIT') GROUP BY 1, 2, 3) m
        FULL JOIN {_BALANCES} s ON (s.product_id, s.location_id, s.lot) = (m.product_id, m.location_id, m.lot)
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
        f"""
        SELECT coalesce(s.product_id, r.product_id), coalesce(s.location_id, r.location_id), NULL::uuid, NULL::uuid,
               coalesce(r.held, 0), coalesce(s.reserved, 0)
        FROM (SELECT product_id, location_id, lot, sum(quantity) AS held FROM (
                  SELECT product_id, location_id, quantity, {_LOT} FROM reservations WHERE tenant_id = $1
                  UNION ALL SELECT product_id, location_id, quantity, {_LOT} FROM stock_hold_lines WHERE tenant_id = $1
              ) both_kinds GROUP BY 1, 2, 3) r
        FULL JOIN {_BALANCES} s ON (s.product_id, s.location_id, s.lot) = (r.product_id, r.location_id, r.lot)
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
                           AND s.lot_id IS NOT DISTINCT FROM l.lot_id
        WHERE l.tenant_id = $1 AND (s.held_until IS NULL OR s.held_until > l.expires_at)
        """,
    ),
    Check(
        "Goods of tracked products have lots of these products, and no others have any.",
        """
        SELECT s.product_id, s.location_id, NULL::uuid, NULL::uuid, 0, s.on_hand
        FROM stock_levels s JOIN products p ON p.tenant_id = $1 AND p.id = s.product_id
        LEFT JOIN lots o ON o.tenant_id = $1 AND o.id = s.lot_id
        WHERE s.tenant_id = $1 AND s.on_hand > 0
          AND ((s.lot_id IS NULL) <> (p.tracking = 'NONE') OR o.product_id <> s.product_id)
        """,
    ),
    Check(
        "A balance says of its lot what the lot says.",
        """
        SELECT s.product_id, s.location_id, NULL::uuid, NULL::uuid, NULL::numeric, s.on_hand
        FROM stock_levels s LEFT JOIN lots o ON o.tenant_id = $1 AND o.id = s.lot_id
        WHERE s.tenant_id = $1 AND (s.lot_id IS NOT NULL AND s.incoming <> 0 OR s.lot_id IS NULL AND s.serial
          OR s.sellable_until IS DISTINCT FROM CASE WHEN o.blocked THEN '-infinity' ELSE o.expires_on END)
        """,
    ),
    Check(
        "A serial number is a single piece, in one place.",
        """
        SELECT s.product_id, NULL::uuid, NULL::uuid, NULL::uuid, 1, sum(s.on_hand)
        FROM stock_levels s JOIN products p ON p.tenant_id = $1 AND p.id = s.product_id AND p.tracking = 'SERIAL'
        WHERE s.tenant_id = $1 AND s.lot_id IS NOT NULL GROUP BY s.product_id, s.lot_id HAVING sum(s.on_hand) > 1
        """,
    ),
)
