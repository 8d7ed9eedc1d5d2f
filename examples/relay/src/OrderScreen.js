import { graphql, useLazyLoadQuery } from "react-relay";

import { OrderHead } from "./OrderHead";
import { OrderLines } from "./OrderLines";

/** A whole order's screen in one request. */
export function OrderScreen({ number }) {
  const { order } = useLazyLoadQuery(
    graphql`
      query OrderScreenQuery($number: String!) {
        order(by: { number: $number }) {
          ...OrderHead_order
          ...OrderLines_order
        }
      }
    `,
    { number },
  );
  if (order === null) return <p>There is no order {number}.</p>;
  return (
    <main>
      <OrderHead order={order} />
      <OrderLines order={order} />
    </main>
  );
}
