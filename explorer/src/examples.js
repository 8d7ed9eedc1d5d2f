// Real queries of the three kinds of users; each runs on the demo as it stands (tests/explorer).

export const EXAMPLES = [
  {
    name: "Storefront",
    query: `# A storefront's page: products, prices,
# and what may be sold at this moment.
query Storefront($first: Int!, $search: String) {
  products(first: $first, search: $search) {
    nodes {
      sku
      name
      listPrice { amount currency }
      stock { available }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { first: 12, search: "mug" },
  },
  {
    name: "StockFeed",
    query: `# A partner's stock feed: what is where.
# Next page: put endCursor into after.
query StockFeed($after: String) {
  products(first: 50, after: $after) {
    nodes {
      sku
      stock {
        onHand
        available
        levels(first: 10) {
          nodes { onHand reserved location { code warehouse { code } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { after: null },
  },
  {
    name: "OrderScreen",
    query: `# A phone's order screen in one request:
# show a button for each of availableActions.
query OrderScreen($number: String!) {
  order(by: {number: $number}) {
    number
    status
    shipmentStatus
    availableActions
    placedAt
    customer { name email }
    total { amount currency }
    lineItems(first: 20) {
      nodes {
        position
        quantity
        shippedQuantity
        total { amount }
        product { sku name stock { available } }
      }
    }
  }
}
`,
    variables: { number: "SO-2026-000087" },
  },
  {
    name: "OrderCreate",
    query: `# Makes an order and reserves its stock,
# or does nothing. Sent again with the same
# idempotencyKey it answers the same.
mutation OrderCreate($input: OrderCreateInput!) {
  orderCreate(input: $input) {
    order { number status total { amount currency } lineItems { nodes { reservedQuantity } } }
    userErrors {
      code
      message
      path
      ... on InsufficientStockError { available product { sku } }
    }
  }
}
`,
    variables: {
      input: {
        customer: { code: "F10004" },
        lineItems: [{ product: { sku: "BOX-10008" }, quantity: "1" }],
        confirm: true,
        idempotencyKey: "explorer-1",
      },
    },
  },
].map(({ variables, ...example }) => ({ ...example, variables: JSON.stringify(variables, null, 2) }));
