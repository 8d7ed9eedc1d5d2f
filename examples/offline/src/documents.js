const PRODUCT = "fragment ProductRow on Product { id sku name unit active listPrice { amount currency } stock { available } }";
const PARTNER = "fragment PartnerRow on Partner { id code name kinds }";
const ORDER = "fragment OrderRow on Order { id number status placedAt externalId customer { name } total { amount currency } }";

export const VIEWER = "query Viewer { viewer { tenant { id name } } }";

const KINDS = "[PRODUCT, PARTNER, STOCK_LEVEL, ORDER]";

/** The place in the feed that everything read from now on is at least as new as. */
export const BEGIN = `query Begin { changes(kinds: ${KINDS}) { cursor } }`;

/** What changed behind a place: each record once, as it is now. Of a stock level the product's sum over all of them is kept. */
export const FOLLOW = `query Follow($after: String!) {
  changes(after: $after, kinds: ${KINDS}, first: 100) {
    changes {
      kind
      id
      gone
      node {
        __typename
        ...ProductRow
        ...PartnerRow
        ...OrderRow
        ... on StockLevel { product { id stock { available } } }
      }
    }
    reload
    hasMore
    cursor
  }
}
${PRODUCT}
${PARTNER}
${ORDER}`;

const list = (name, fragment, text) => `query List($after: String) {
  page: ${name}(first: 100, after: $after) { nodes { ...${fragment} } pageInfo { hasNextPage endCursor } }
}
${text}`;

/** The whole list of a kind, page by page. */
export const LISTS = {
  PRODUCT: list("products", "ProductRow", PRODUCT),
  PARTNER: list("partners", "PartnerRow", PARTNER),
  ORDER: list("orders", "OrderRow", ORDER),
};

export const ORDER_CREATE = `mutation OrderCreate($input: OrderCreateInput!) {
  orderCreate(input: $input) {
    order { ...OrderRow }
    userErrors { code message path ... on InsufficientStockError { requested available product { id } } }
  }
}
${ORDER}`;

export const ORDER_BY_KEY = `query OrderByKey($externalId: String!) { order(by: { externalId: $externalId }) { ...OrderRow } }
${ORDER}`;
