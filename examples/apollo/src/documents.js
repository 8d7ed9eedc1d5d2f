import { gql } from "@apollo/client";

/** Orders by number, a page after the other. */
export const ORDERS = gql`
  query Orders($first: Int!, $after: String) {
    orders(first: $first, after: $after, orderBy: [{ field: NUMBER }]) {
      edges {
        node {
          id
          number
          note
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

/** One order's lines. Asked for again with the end of the last page, they grow by one. */
export const LINES = gql`
  query Lines($id: ID!, $first: Int!, $after: String) {
    order(by: { id: $id }) {
      id
      number
      note
      lineItems(first: $first, after: $after) {
        edges {
          node {
            id
            position
            quantity
            product {
              id
              name
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`;

/** The payload has the order's id and what changed: that is all that the cache needs. */
export const WRITE_NOTE = gql`
  mutation WriteNote($input: OrderUpdateInput!) {
    orderUpdate(input: $input) {
      order {
        id
        note
      }
      userErrors {
        message
      }
    }
  }
`;

/** An order as it is, and again after each change of it, whoever makes it. The id lets the cache find what has changed. */
export const FOLLOW = gql`
  subscription Follow($id: ID!) {
    record(id: $id) {
      ... on Order {
        id
        note
      }
    }
  }
`;
