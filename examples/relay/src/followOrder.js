import { graphql, requestSubscription } from "relay-runtime";

/** Show what others change of an order, from now on. Returns how to end it. */
export function followOrder(environment, id) {
  const { dispose } = requestSubscription(environment, {
    subscription: graphql`
      subscription followOrderSubscription($id: ID!) {
        record(id: $id) {
          ... on Order {
            id
            note
          }
        }
      }
    `,
    variables: { id },
  });
  return dispose;
}
