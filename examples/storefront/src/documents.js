// What the page asks for. Each screen is one of these: one request.
import { gql } from "@urql/core";

export const VIEWER = gql`
  query Viewer {
    viewer { tenant { id name } }
  }
`;

// Whose data it is, and the place in the feed that they are as new as: what is told from there on misses nothing.
export const HERE = gql`
  query Here {
    viewer { tenant { id name } }
    changes(kinds: [STOCK_LEVEL, ORDER]) { cursor }
  }
`;

export const PRODUCTS = gql`
  query Products($search: String, $after: String) {
    viewer { tenant { id name } }
    changes(kinds: [STOCK_LEVEL, ORDER]) { cursor }
    products(first: 12, after: $after, search: $search, where: { active: { eq: true } }) {
      totalCount { value exact }
      nodes {
        id
        sku
        name
        unit
        listPrice { amount currency }
        stock { available incoming }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

// What changes, told as it happens: the cache puts it wherever these products are shown, and the list of orders reads itself again.
export const FEED = gql`
  subscription Feed($after: String) {
    changes(after: $after, kinds: [STOCK_LEVEL, ORDER]) {
      cursor
      reload
      changes {
        kind
        node { id ... on StockLevel { product { id stock { available incoming } } } }
      }
    }
  }
`;

// The same, asked for: where nothing can be told, or so much changed at once that it isn't told one by one.
export const AVAILABILITY = gql`
  query Availability($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on Product { id stock { available incoming } }
    }
  }
`;

export const CUSTOMERS = gql`
  query Customers {
    partners(first: 100) {
      nodes { id name kinds }
    }
  }
`;

export const ORDERS = gql`
  query Orders {
    viewer { tenant { id name } }
    changes(kinds: [STOCK_LEVEL, ORDER]) { cursor }
    orders(first: 20) {
      nodes {
        id
        number
        status
        placedAt
        customer { id name }
        total { amount currency }
      }
    }
  }
`;

const ORDER_SCREEN = gql`
  fragment OrderScreen on Order {
    id
    number
    status
    version
    placedAt
    reservationStatus
    shipmentStatus
    availableActions
    customer { id name email country }
    pricesIncludeTax
    subtotal { amount currency }
    taxes { category rate amount { amount currency } exemptionReason }
    total { amount currency }
    lineItems(first: 100) {
      nodes {
        id
        position
        description
        quantity
        reservedQuantity
        shippedQuantity
        cancelledQuantity
        unitPrice { amount currency }
        total { amount currency }
        product { id sku name unit stock { available incoming } }
      }
      pageInfo { hasNextPage }
    }
    events(first: 50) {
      nodes { id type occurredAt principal }
    }
  }
`;

export const ORDER = gql`
  query Order($number: String!) {
    viewer { tenant { id name } }
    changes(kinds: [STOCK_LEVEL, ORDER]) { cursor }
    order(by: { number: $number }) { ...OrderScreen }
  }
  ${ORDER_SCREEN}
`;

// The screen again after each change of its order, whoever made it.
export const ORDER_CHANGES = gql`
  subscription OrderChanges($id: ID!) {
    record(id: $id) { id ...OrderScreen }
  }
  ${ORDER_SCREEN}
`;

export const ORDER_CREATE = gql`
  mutation OrderCreate($input: OrderCreateInput!) {
    orderCreate(input: $input) {
      order {
        id
        number
        lineItems { nodes { id product { id stock { available incoming } } } }
      }
      userErrors { code message path ... on InsufficientStockError { requested available } }
    }
  }
`;

const change = (field, input) => gql`
  mutation ${input}($input: ${input}Input!) {
    ${field}(input: $input) {
      order { ...OrderScreen }
      userErrors { code message path }
    }
  }
  ${ORDER_SCREEN}
`;

// By the names of Order.availableActions; these three need nothing but the order.
export const CHANGES = {
  CONFIRM: change("orderConfirm", "OrderConfirm"),
  SHIP: change("orderShip", "OrderShip"),
  CANCEL: change("orderCancel", "OrderCancel"),
};
