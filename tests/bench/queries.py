"""The queries of ``make bench``, as clients write them."""

ONE = """
query One($number: String!) {
  order(by: {number: $number}) { id number status placedAt note total { amount currency } }
}
"""

FLAT = """
{ orders(first: 20) { nodes { id number status placedAt note total { amount currency } } } }
"""

NESTED = """
query Nested($first: Int!) {
  orders(first: $first) {
    nodes {
      id number status placedAt total { amount currency }
      lineItems(first: 50) {
        nodes {
          id position description quantity unitPrice { amount currency } total { amount currency }
          product {
            id sku name
            stock { levels(first: 20) { nodes { id onHand reserved available location { id code name } } } }
          }
        }
      }
    }
  }
}
"""

PRODUCTS = """
{ products(first: 250) { nodes { id sku name listPrice { amount currency }
    stock { levels(first: 20) { nodes { id onHand reserved available location { id code name } } } } } } }
"""

FIRST_LINES = """
{ orders(first: 100) { nodes { id number
    lineItems(first: 5) { nodes { id position description quantity total { amount currency } } } } } }
"""

SEARCHED = """
query Searched($sku: String!, $words: String!) {
  orders(first: 20, search: $words, where: {lineItems: {some: {sku: {eq: $sku}}}}) {
    nodes { id number placedAt total { amount currency } }
  }
}
"""

PURCHASES = """
{ purchaseOrders(first: 50, where: {status: {eq: CLOSED}}) { nodes {
    id number status orderedAt expectedOn total { amount currency } supplier { id code name }
    receipts(first: 10) { nodes { id number reference receivedAt } }
    lines(first: 50) { nodes {
      id position description quantity unit unitPrice { amount currency } total { amount currency } receivedQuantity expectedOn
      product { id sku name } } } } } }
"""
