import { useEffect, useRef } from "react";
import { useQuery } from "urql";

import { Connection } from "./Availability";
import { ORDERS } from "./documents";
import { capital, moment, money } from "./format";
import { useStanding } from "./live";
import { Trouble } from "./Trouble";

export function Orders({ onForget }) {
  const [{ data, error }, again] = useQuery({ query: ORDERS, requestPolicy: "cache-and-network" });
  const { orders, missed } = useStanding();
  const read = useRef(orders + missed);
  useEffect(() => {
    if (read.current !== orders + missed) again({ requestPolicy: "network-only" });
    read.current = orders + missed;
  }, [orders, missed, again]);
  return (
    <section className="page">
      <div className="tools">
        <h1>Newest orders</h1>
        <Connection />
      </div>
      <Trouble error={error} onForget={onForget} onAgain={() => again({ requestPolicy: "network-only" })} />
      <ul className="card rows">
        {data?.orders.nodes.map((order) => (
          <li key={order.id}>
            <a href={`#/orders/${encodeURIComponent(order.number)}`}>{order.number}</a>
            <span>{order.customer.name}</span>
            <time className="quiet" dateTime={order.placedAt}>{moment(order.placedAt)}</time>
            <span className={`state ${order.status}`}>{capital(order.status)}</span>
            <span className="sum">{money(order.total)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
