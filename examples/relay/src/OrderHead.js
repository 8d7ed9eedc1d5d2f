import { graphql, useRefetchableFragment } from "react-relay";

/** An order's number and state, which are fetched again by `node`. */
export function OrderHead({ order }) {
  const [data, refetch] = useRefetchableFragment(
    graphql`
      fragment OrderHead_order on Order @refetchable(queryName: "OrderHeadRefetchQuery") {
        number
        status
        note
        total {
          amount
          currency
        }
      }
    `,
    order,
  );
  return (
    <header>
      <h1>
        {data.number} {data.status}
      </h1>
      <p>
        {data.total.amount} {data.total.currency}
      </p>
      <p role="note">{data.note}</p>
      <button name="refresh" onClick={() => refetch({}, { fetchPolicy: "network-only" })}>
        Refresh
      </button>
    </header>
  );
}
