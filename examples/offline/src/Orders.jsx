import { useLiveQuery } from "dexie-react-hooks";

import { db } from "./db";
import { moment, money } from "./format";

/** The newest orders of the copy. */
export function Orders() {
  const orders = useLiveQuery(() => db.orders.orderBy("placedAt").reverse().limit(10).toArray());
  return (
    <section className="card" aria-labelledby="orders">
      <h2 id="orders">Newest orders</h2>
      <ul className="orders">
        {orders?.map(({ id, number, status, placedAt, customer, total }) => (
          <li key={id}>
            <b>{number}</b>
            <span>{customer.name}</span>
            <time className="quiet" dateTime={placedAt}>{moment(placedAt)}</time>
            <span>{status.toLowerCase()}</span>
            <span className="price">{money(total)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
