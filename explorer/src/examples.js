// Real queries of the kinds of users; each runs on the demo as it stands (tests/explorer), for keys with what it ``needs``.
// One with a ``role`` is for keys of that role only.

const ALL = [
  {
    name: "Storefront",
    needs: ["catalog:read", "stock:read"],
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
    needs: ["catalog:read", "stock:read"],
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
          nodes {
            onHand
            reserved
            location { code warehouse { code } }
          }
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
    needs: ["orders:read", "partners:read", "catalog:read", "stock:read"],
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
    name: "PickList",
    needs: ["orders:fulfil", "catalog:read"],
    query: `# A warehouse's list: what is reserved
# for confirmed orders, oldest first.
query PickList($first: Int!) {
  orders(
    first: $first
    where: {status: {eq: CONFIRMED}}
    orderBy: {field: PLACED_AT}
  ) {
    nodes {
      number
      placedAt
      lineItems(first: 20) {
        nodes {
          id
          reservedQuantity
          product { sku name unit }
        }
      }
    }
  }
}
`,
    variables: { first: 10 },
  },
  {
    name: "OrderTaxes",
    needs: ["orders:read", "catalog:read", "pricing:read"],
    query: `# What an order would cost with its taxes,
# by category and rate. Try P10023: another
# country of the EU, other taxes.
query OrderTaxes($input: OrderPreviewInput!) {
  orderPreview(input: $input) {
    subtotal { amount currency }
    taxes {
      category
      rate
      base { amount }
      amount { amount }
      exemptionReason
    }
    taxTotal { amount }
    total { amount }
    lines {
      quantity
      unitPrice { amount }
      net { amount }
      product { sku }
      tax { code name }
    }
    problems { code message path }
  }
}
`,
    variables: {
      input: {
        customer: { code: "F10004" },
        lineItems: [
          { product: { sku: "BOX-10008" }, quantity: "3" },
          { product: { sku: "SED-10001" }, quantity: "0.5" },
          { product: { sku: "MUG-10010" }, quantity: "1", tax: { code: "EXEMPT" } },
        ],
      },
    },
  },
  {
    name: "ToBuy",
    needs: ["purchasing:read", "partners:read", "catalog:read", "stock:read"],
    role: "buyer",
    query: `# A buyer's morning: what runs short, from
# whom, how many and why. Replenish does it.
query ToBuy($first: Int!) {
  replenishmentProposals(first: $first) {
    quantity
    unit
    unitPrice { amount currency }
    expectedOn
    reason
    problem
    supplier { code name }
    rule {
      id
      product { sku name }
      warehouse { code }
    }
  }
}
`,
    variables: { first: 10 },
  },
  {
    name: "OnItsWay",
    needs: ["purchasing:read", "partners:read", "catalog:read"],
    role: "buyer",
    query: `# Open purchase orders, the earliest first,
# with what has come of them, and their taxes.
query OnItsWay($first: Int!) {
  purchaseOrders(
    first: $first
    where: {status: {eq: CONFIRMED}}
    orderBy: {field: EXPECTED_ON}
  ) {
    nodes {
      id
      number
      expectedOn
      receiptStatus
      supplier { code name }
      taxes { category rate amount { amount } }
      total { amount currency }
      lines(first: 20) {
        nodes {
          id
          quantity
          unit
          baseQuantity
          receivedQuantity
          cancelledQuantity
          product { sku name }
        }
      }
      receipts(first: 5) {
        nodes { number reference receivedAt }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { first: 10 },
  },
  {
    name: "Live",
    needs: ["orders:read", "catalog:read", "stock:read"],
    query: `# What changes, as it happens: keep it
# running, and place an order elsewhere.
subscription Live {
  changes(kinds: [ORDER, STOCK_LEVEL]) {
    changes {
      kind
      id
      gone
      node {
        ... on Order {
          number
          status
          total { amount currency }
        }
        ... on StockLevel {
          available
          product { sku }
          location { code }
        }
      }
    }
    cursor
  }
}
`,
    variables: {},
  },
  {
    name: "Catalog",
    needs: ["catalog:read"],
    role: "partner",
    query: `# What there is to order, by price.
query Catalog($first: Int!, $after: String) {
  products(
    first: $first
    after: $after
    where: {active: {eq: true}}
    orderBy: {field: LIST_PRICE}
  ) {
    nodes {
      sku
      name
      unit
      listPrice { amount currency }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { first: 20, after: null },
  },
  {
    name: "MyOrders",
    needs: ["orders:read", "catalog:read"],
    role: "partner",
    query: `# Your own orders, the newest first,
# and how far they have got.
query MyOrders($first: Int!) {
  orders(
    first: $first
    orderBy: {field: PLACED_AT, direction: DESC}
  ) {
    nodes {
      number
      status
      shipmentStatus
      placedAt
      total { amount currency }
      lineItems(first: 20) {
        nodes {
          quantity
          shippedQuantity
          product { sku name }
        }
      }
    }
  }
}
`,
    variables: { first: 10 },
  },
  {
    name: "MyOrdersLive",
    needs: ["orders:read"],
    role: "partner",
    query: `# Your own orders, each time that
# something happens to one.
subscription MyOrdersLive {
  changes(kinds: [ORDER]) {
    changes {
      id
      gone
      node {
        ... on Order {
          number
          status
          shipmentStatus
        }
      }
    }
    cursor
  }
}
`,
    variables: {},
  },
  {
    name: "OrderCreate",
    needs: ["orders:write"],
    query: `# Creates an order and reserves its stock,
# or does nothing. Sent again with the same
# idempotencyKey it answers the same.
mutation OrderCreate($input: OrderCreateInput!) {
  orderCreate(input: $input) {
    order {
      number
      status
      total { amount currency }
      lineItems { nodes { reservedQuantity } }
    }
    userErrors {
      code
      message
      path
      ... on InsufficientStockError {
        available
        product { sku }
      }
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
  {
    name: "Replenish",
    needs: ["purchasing:write", "purchasing:read", "partners:read"],
    role: "buyer",
    query: `# Puts what is proposed (ToBuy) into drafts: one
# for each supplier and location. Run it again:
# there is nothing left, because drafts count.
mutation Replenish($input: ReplenishInput!) {
  replenish(input: $input) {
    purchaseOrders {
      number
      supplier { name }
      total { amount currency }
      availableActions
    }
    userErrors { code message path }
  }
}
`,
    variables: { input: {} },
  },
];

export const EXAMPLES = ALL.map(({ variables, ...example }) => ({ ...example, variables: JSON.stringify(variables, null, 2) }));

/** The permissions that a caller would need besides to run an example. */
export const missing = (example, viewer) => example.needs.filter((each) => !viewer?.permissions.includes(each));

/** The examples for a caller; all but those of a role, where the caller isn't known. */
export function suited(viewer) {
  const forRole = EXAMPLES.filter(({ role }) => !role || viewer?.roles.includes(role));
  const fitting = viewer ? forRole.filter((example) => !missing(example, viewer).length) : forRole;
  return fitting.length ? fitting : [EXAMPLES[0]];
}
