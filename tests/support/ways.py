"""How the tests of the graph's edges come to many objects of a type."""

WAYS = {
    "Product": "products(first: %d) { nodes { %s } }",
    "Partner": "partners(first: %d, orderBy: [{field: CODE, direction: DESC}]) { nodes { %s } }",
    "Order": "orders(first: %d) { nodes { %s } }",
    "LineItem": "orders(first: %d) { nodes { lineItems { nodes { %s } } } }",
    "StockLevel": "stockLevels(first: %d) { nodes { %s } }",
    "StockMove": "stockMoves(first: %d) { nodes { %s } }",
    "Lot": "lots(first: %d) { nodes { %s } }",
    "LineItemHold": "orders(first: %d, where: {status: {eq: CONFIRMED}}) { nodes { lineItems { nodes { holds { %s } } } } }",
    "Warehouse": "warehouses(first: %d) { nodes { %s } }",
    "Location": "stockLevels(first: %d) { nodes { location { %s } } }",
    "ProductStock": "products(first: %d) { nodes { stock { %s } } }",
    "Shipment": "shipments(first: %d) { nodes { %s } }",
    "ShipmentLine": "shipments(first: %d) { nodes { lines { %s } } }",
    "StockHoldLine": 'stockHold(reference: "basket %d") { lines { %s } }',
    "StockPosition": 'stockPositions(at: "2100-01-01T00:00:00Z", first: %d) { nodes { %s } }',
    "ProductMovement": 'products(first: %d) { nodes { movement(from: "2000-01-01T00:00:00Z") { %s } } }',
    "StockFlow": 'products(first: %d) { nodes { movement(from: "2000-01-01T00:00:00Z") { flows { %s } } } }',
    "PartnerAddress": "partners(first: %d) { nodes { addresses { %s } } }",
    "Party": "partners(first: %d) { nodes { addresses { party { %s } } } }",
    "Event": "orders(first: %d) { nodes { events { nodes { %s } } } }",
    "ProductSupplier": "products(first: %d) { nodes { suppliers { nodes { %s } } } }",
    "PurchaseOrder": "purchaseOrders(first: %d) { nodes { %s } }",
    "PurchaseLine": "purchaseOrders(first: %d) { nodes { lines { nodes { %s } } } }",
    "Receipt": "purchaseOrders(first: %d) { nodes { receipts { nodes { %s } } } }",
    "ReceiptLine": "purchaseOrders(first: %d) { nodes { receipts { nodes { lines { %s } } } } }",
    "ReorderRule": "products(first: %d) { nodes { reorderRules { nodes { %s } } } }",
    "ReplenishmentProposal": "replenishmentProposals(first: %d) { %s }",
    "ProductCategory": "productCategories(first: %d) { nodes { %s } }",
    "ProductPrice": "products(first: %d) { nodes { price { %s } } }",
    "ProductUnit": "products(first: %d) { nodes { units { %s } } }",
    "PriceList": "priceLists(first: %d) { nodes { %s } }",
    "Price": "priceLists(first: %d) { nodes { prices { nodes { %s } } } }",
    "Tax": "taxes(first: %d) { nodes { %s } }",
    "TaxGroup": "taxGroups(first: %d) { nodes { %s } }",
    "TaxSubstitution": "taxGroups(first: %d) { nodes { substitutions { %s } } }",
    "TaxTotal": "orders(first: %d) { nodes { taxes { %s } } }",
    "Webhook": "webhooks(first: %d) { nodes { %s } }",
    "WebhookDelivery": "webhooks(first: %d) { nodes { deliveries { nodes { %s } } } }",
    "StockDifference": "stockDifferences(first: 4%d) { %s }",  # the first are about no order
}
"""How to come to many objects of a type. Money, pages and counts are met on the way."""

HAND_MADE = {
    *("Event", "Lot", "PartnerAddress", "Party", "Price", "PriceList", "Receipt", "ReceiptLine", "ReorderRule"),
    *("ProductUnit", "StockDifference", "StockHoldLine", "Tax", "TaxGroup", "TaxSubstitution"),
    *("Webhook", "WebhookDelivery"),
}
"""Types of which the demo has none, or not among its first: its orders have no events, its partners no addresses, it has few price
lists and taxes, its books are right, nobody has a basket, nothing is tracked, and its newest purchase orders haven't come."""
