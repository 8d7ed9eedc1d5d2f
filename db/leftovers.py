"""What an upgrade leaves for the servers of the release before, until ``erpgraph db finish`` takes it away.

A migration goes first, and servers are replaced one after the other: meanwhile the old program runs on the new tables. Its
statements say ``ON CONFLICT`` with the keys that balances and reservations had before lots, and fail without them. These keys and
lots can't be there together, as they allow one balance for a product at a location: so goods can't be tracked until they are gone
(docs/decisions/0055-lots.md). A new database has none of it. The release after this one drops what is still there.
"""

KEYS = {
    "stock_levels": "uq_stock_levels_tenant_id_product_id_location_id",
    "reservations": "uq_reservations_tenant_id_line_item_id_location_id",
    "stock_hold_lines": "uq_stock_hold_lines_tenant_id_hold_id_product_id_location_id",
}
"""The keys from before lots, by their tables."""

LEFT = "SELECT count(*) FROM pg_constraint WHERE $1::uuid IS NOT NULL AND conname = ANY($2::text[]) AND conrelid <> 0"
"""How many of these constraints are still there; ``$1`` is the tenant that asks."""
