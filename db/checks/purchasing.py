"""What balances and purchase orders must agree on."""

from db.checks.kit import Check, rounded


def _summed(rule: str, table: str, column: str) -> Check:
    """That a line's column is the sum of what another table has of the line."""
    return Check(
        rule,
        f"""
        SELECT l.product_id, NULL::uuid, NULL::uuid, NULL::uuid, coalesce(r.quantity, 0), l.{column}
        FROM purchase_lines l LEFT JOIN (SELECT purchase_line_id, sum(quantity) AS quantity FROM {table}
                                         WHERE tenant_id = $1 GROUP BY 1) r ON r.purchase_line_id = l.id
        WHERE l.tenant_id = $1 AND coalesce(r.quantity, 0) <> l.{column}
        """,
    )


def _moved(rule: str, table: str, place: str) -> Check:
    """That a row of a table is the move with its id, with the row's location as this end of it."""
    return Check(
        rule,
        f"""
        SELECT l.product_id, r.location_id, NULL::uuid, NULL::uuid, r.quantity, coalesce(m.quantity, 0)
        FROM {table} r JOIN purchase_lines l ON l.tenant_id = $1 AND l.id = r.purchase_line_id
        LEFT JOIN stock_moves m ON m.tenant_id = $1 AND m.id = r.id
        WHERE r.tenant_id = $1 AND (l.product_id, r.location_id, r.quantity)
              IS DISTINCT FROM (m.product_id, m.{place}, m.quantity)
        """,
    )


CHECKS = (
    Check(
        "What is incoming is what confirmed purchase orders still expect.",
        """
        SELECT coalesce(p.product_id, s.product_id), coalesce(p.location_id, s.location_id), NULL::uuid, NULL::uuid,
               coalesce(p.expected, 0), coalesce(s.incoming, 0)
        FROM (SELECT l.product_id, o.location_id, sum(greatest(l.base_quantity - l.cancelled - l.received, 0)) AS expected
              FROM purchase_lines l JOIN purchase_orders o ON o.tenant_id = $1 AND o.id = l.purchase_order_id
              WHERE l.tenant_id = $1 AND o.status = 'CONFIRMED' GROUP BY 1, 2) p
        FULL JOIN (SELECT * FROM stock_levels WHERE tenant_id = $1 AND lot_id IS NULL) s
             ON (s.product_id, s.location_id) = (p.product_id, p.location_id)
        WHERE coalesce(p.expected, 0) <> coalesce(s.incoming, 0)
        """,
    ),
    Check(
        "A purchase order's subtotal is the sum of its lines' totals.",
        """
        SELECT NULL::uuid, o.location_id, NULL::uuid, NULL::uuid, coalesce(l.total, 0), o.subtotal
        FROM purchase_orders o LEFT JOIN (SELECT purchase_order_id, sum(total) AS total FROM purchase_lines
                                          WHERE tenant_id = $1 GROUP BY 1) l ON l.purchase_order_id = o.id
        WHERE o.tenant_id = $1 AND coalesce(l.total, 0) <> o.subtotal
        """,
    ),
    Check(
        "A confirmed purchase order has something that is still to come, and one that is closed or cancelled has not.",
        """
        SELECT NULL::uuid, o.location_id, NULL::uuid, NULL::uuid, NULL::numeric, coalesce(l.open, 0)
        FROM purchase_orders o
        LEFT JOIN (SELECT purchase_order_id, sum(greatest(base_quantity - cancelled - received, 0)) AS open
                   FROM purchase_lines WHERE tenant_id = $1 GROUP BY 1) l ON l.purchase_order_id = o.id
        WHERE o.tenant_id = $1 AND o.status <> 'DRAFT' AND (o.status = 'CONFIRMED') <> (coalesce(l.open, 0) > 0)
        """,
    ),
    _summed("What was received of a purchase order's line is the sum of its receipts.", "receipt_lines", "received"),
    _moved("What a receipt's line says is what moved.", "receipt_lines", "destination_id"),
    _summed(
        "What went back of a purchase order's line is the sum of its returns.", "purchase_return_lines", "returned"
    ),
    _moved("What went back to a supplier is what moved.", "purchase_return_lines", "source_id"),
    Check(
        "A purchase order's tax is the sum of what its lines bear, rounded by category and rate.",
        f"""
        SELECT NULL::uuid, o.location_id, NULL::uuid, NULL::uuid, coalesce(t.tax, 0), o.tax_total
        FROM purchase_orders o LEFT JOIN (
            SELECT k.id, sum(k.tax) AS tax FROM (
                SELECT l.purchase_order_id AS id, {rounded("sum(l.total) * x.rate / 100", "l.currency")} AS tax
                FROM purchase_lines l JOIN taxes x ON x.tenant_id = $1 AND x.id = l.tax_id
                WHERE l.tenant_id = $1 GROUP BY l.purchase_order_id, l.currency, x.category, x.rate
            ) k GROUP BY 1
        ) t ON t.id = o.id
        WHERE o.tenant_id = $1 AND o.tax_total <> coalesce(t.tax, 0)
        """,
    ),
)
