import { graphql, usePaginationFragment } from "react-relay";

/** An order's lines, a few at a time: a connection below an order, whose further pages Relay asks of `node`. */
export function OrderLines({ order }) {
  const { data, loadNext, hasNext, isLoadingNext, refetch } = usePaginationFragment(
    graphql`
      fragment OrderLines_order on Order
      @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
      @refetchable(queryName: "OrderLinesPaginationQuery") {
        lineItems(first: $count, after: $cursor) @connection(key: "OrderLines_lineItems") {
          edges {
            node {
              id
              position
              quantity
              product {
                name
                unit
              }
            }
          }
        }
      }
    `,
    order,
  );
  return (
    <section>
      <ol>
        {data.lineItems.edges.map(({ node }) => (
          <li key={node.id} value={node.position}>
            {node.quantity} {node.product.unit} {node.product.name}
          </li>
        ))}
      </ol>
      <button name="more" disabled={!hasNext || isLoadingNext} onClick={() => loadNext(3)}>
        More
      </button>
      <button name="again" onClick={() => refetch({ count: 1 }, { fetchPolicy: "network-only" })}>
        From the start
      </button>
    </section>
  );
}
