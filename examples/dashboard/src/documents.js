// All numbers of the page: one request, one snapshot, one moment of the data.
export const DASHBOARD = `query Dashboard($from: Date!, $through: Date!, $since: DateTime!) {
  viewer { tenant { name currency timezone } }
  months: lineItems(where: { orderWhere: { status: { in: [CONFIRMED, CLOSED] }, placedAt: { within: { from: $from, through: $through } } } }) {
    aggregate { orderCount customerCount wantedCount shippedInFullCount total { currency sum { amount } } }
    groups(by: [{ placedAt: MONTH }], first: 36, fill: true) {
      nodes { key { placedAt { date } } aggregate { orderCount wantedCount shippedInFullCount total { currency sum { amount } } } }
    }
  }
  products: lineItems(where: { orderWhere: { status: { in: [CONFIRMED, CLOSED] }, placedAt: { within: { from: $from, through: $through } } } }) {
    groups(by: [{ field: PRODUCT }], orderBy: [{ field: TOTAL, direction: DESC }], first: 10) {
      nodes { key { product { sku name } } share cumulativeShare aggregate { total { currency sum { amount } } } }
      other { groupCount aggregate { total { currency sum { amount } } } }
    }
  }
  countries: lineItems(where: { orderWhere: { status: { in: [CONFIRMED, CLOSED] }, placedAt: { within: { from: $from, through: $through } } } }) {
    groups(by: [{ field: CUSTOMER_COUNTRY }], orderBy: [{ field: TOTAL, direction: DESC }], first: 7) {
      nodes { key { customerCountry } share aggregate { total { currency sum { amount } } } }
      other { groupCount aggregate { total { currency sum { amount } } } }
    }
  }
  open: lineItems(where: { openQuantity: { gt: "0" }, orderWhere: { status: { eq: CONFIRMED } } }) {
    groups(by: [{ age: [8, 31, 61] }]) {
      nodes { key { age { from below } } aggregate { orderCount openTotal { currency sum { amount } } } }
      total { orderCount openTotal { currency sum { amount } } }
    }
  }
  dead: products(where: { available: { gt: "0" }, lineItems: { none: { orderWhere: { placedAt: { gte: $since } } } } }, first: 6) {
    totalCount { value }
    nodes { sku name unit stock { available } }
  }
}`;
