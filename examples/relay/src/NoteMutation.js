import { commitMutation, graphql } from "react-relay";

/** Write an order's note: the payload has the order's id, so that every view of it changes. */
export function writeNote(environment, id, note) {
  return new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation: graphql`
        mutation NoteMutation($input: OrderUpdateInput!) {
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
      `,
      variables: { input: { order: { id }, note } },
      onCompleted: ({ orderUpdate }) => resolve(orderUpdate),
      onError: reject,
    });
  });
}
