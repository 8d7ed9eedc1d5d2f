import { useRef, useState } from "react";
import { useClient, useQuery, useSubscription } from "urql";

import { Availability, Connection, useLive } from "./Availability";
import { CHANGES, ORDER, ORDER_CHANGES } from "./documents";
import { capital, less, moment, money, percent, plus, quantity } from "./format";
import { send } from "./graph";
import { Picture } from "./Picture";
import { Trouble } from "./Trouble";

const LABELS = { CONFIRM: "Confirm order", SHIP: "Ship what is reserved", CANCEL: "Cancel order" };

const HAPPENED = {
  "order.created": "Order made",
  "order.updated": "Changed",
  "order.confirmed": "Confirmed",
  "order.reserved": "Goods arrived and reserved",
  "order.shipped": "Shipped",
  "order.cancelled": "Cancelled",
  "order.returned": "Returned",
};

/** What can be done with the order now: a button for each of availableActions that this page knows. */
function Actions({ order, onForget, onStale }) {
  const client = useClient();
  const sent = useRef({}); // by action: the input that has no answer yet, to be sent again as it was
  const asking = useRef(null);
  const [busy, setBusy] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [said, say] = useState(null);

  async function act(action, more) {
    sent.current[action] ??= {
      order: { id: order.id },
      expectedVersion: order.version,
      idempotencyKey: crypto.randomUUID(),
      ...more,
    };
    setBusy(action);
    const { payload, error, answered } = await send(client, CHANGES[action], sent.current[action]);
    if (answered) delete sent.current[action];
    setBusy(null);
    setTrouble(error ?? null);
    const [refusal] = payload?.userErrors ?? [];
    say(refusal ?? null);
    if (refusal?.code === "VERSION_CONFLICT" || refusal?.code === "INVALID_TRANSITION") onStale();
  }

  const known = order.availableActions.filter((action) => CHANGES[action]);
  return (
    <div className="actions">
      <Trouble error={trouble} onForget={onForget} />
      {said && (
        <div className="trouble" role="alert">
          <p>
            {said.code === "VERSION_CONFLICT"
              ? "Somebody changed this order meanwhile, so nothing was done. This is how it is now: look, and decide again."
              : said.message}
          </p>
          {said.code === "INSUFFICIENT_STOCK" && order.availableActions.includes("CONFIRM") && (
            <button onClick={() => act("CONFIRM", { allowBackorder: true })}>Confirm; the rest arrives later</button>
          )}
        </div>
      )}
      <div className="buttons">
        {known.map((action) => (
          <button
            key={action}
            className={action === "CANCEL" ? "" : "main"}
            disabled={busy !== null}
            onClick={() => (action === "CANCEL" ? asking.current.showModal() : act(action))}
          >
            {busy === action ? "One moment…" : LABELS[action]}
          </button>
        ))}
      </div>
      <dialog ref={asking} aria-labelledby="asking">
        <form method="dialog" className="buttons">
          <p id="asking">Cancel {order.number}? What hasn't left is called off, and its stock is free again.</p>
          <button autoFocus>Keep it</button>
          <button className="danger" onClick={() => act("CANCEL")}>Cancel the order</button>
        </form>
      </dialog>
    </div>
  );
}

function Progress({ line, confirmed }) {
  const { unit } = line.product;
  const parts = { shipped: line.shippedQuantity, reserved: line.reservedQuantity, cancelled: line.cancelledQuantity };
  const placed = Object.values(parts).reduce((sum, part) => plus(sum, part));
  if (confirmed && less(placed, line.quantity)) parts.waiting = plus(line.quantity, placed, -1n);
  const there = Object.entries(parts).filter(([, part]) => less("0", part));
  return (
    <>
      <div className="bar" aria-hidden="true">
        {there.map(([name, part]) => <span key={name} className={name} style={{ flexGrow: part }} />)}
      </div>
      <p className="quiet">
        {there.map(([name, part]) => `${quantity(part, unit)} ${name}`).join(" · ") || "Nothing reserved yet"}
      </p>
    </>
  );
}

function Line({ line, status }) {
  const { product } = line;
  const open = status === "DRAFT" || status === "CONFIRMED";
  return (
    <li className="line">
      <Picture product={product} />
      <div>
        <p className="name">{line.description}</p>
        <p className="quiet">{product.sku} · {quantity(line.quantity, product.unit)} × {money(line.unitPrice)}</p>
        <Progress line={line} confirmed={status === "CONFIRMED"} />
        {open && <Availability stock={product.stock} unit={product.unit} />}
      </div>
      <span className="sum">{money(line.total)}</span>
    </li>
  );
}

/** What of the total is tax: each category and rate, or why there is none. */
function Taxes({ order }) {
  const within = order.pricesIncludeTax;
  const name = (tax) => tax.exemptionReason ?? `${within ? "Of it VAT" : "VAT"} ${percent(tax.rate)}`;
  const rows = order.taxes.map((tax) => [name(tax), tax.amount]);
  if (rows.length && !within) rows.unshift(["Before tax", order.subtotal]);
  return (
    <ul className="taxes">
      {rows.map(([text, amount], place) => <li key={place}><span>{text}</span> <span className="sum">{money(amount)}</span></li>)}
    </ul>
  );
}

function Timeline({ order }) {
  const events = order.events.nodes;
  return (
    <section className="card">
      <h2>What happened</h2>
      <ol className="timeline">
        {events.map((event) => (
          <li key={event.id}>
            <strong>{HAPPENED[event.type] ?? event.type}</strong>
            <span className="quiet">
              <time dateTime={event.occurredAt}>{moment(event.occurredAt)}</time> by {event.principal}
            </span>
          </li>
        ))}
        {!events.length && <li className="quiet">Placed {moment(order.placedAt)}; imported, so no steps are known.</li>}
      </ol>
    </section>
  );
}

/** The whole screen is one request: customer, lines, products, stock, states, events. Then it is told when any of them changes. */
export function Order({ number, onForget }) {
  const [{ data, error, fetching }, again] = useQuery({ query: ORDER, variables: { number } });
  const reload = () => again({ requestPolicy: "network-only" });
  const order = data?.order;
  useSubscription({ query: ORDER_CHANGES, variables: { id: order?.id }, pause: !order });
  useLive(order?.lineItems.nodes.map((line) => line.product.id) ?? []);
  return (
    <div className="page" aria-busy={fetching}>
      <Trouble error={error} onForget={onForget} onAgain={reload} />
      {data && !order && !error && <p>There is no order {number}. <a href="#/orders">The newest are here.</a></p>}
      {order && (
        <>
          <header className="heading">
            <h1>{order.number}</h1>
            <span className={`state ${order.status}`} role="status">{capital(order.status)}</span>
            <Connection />
            <p className="quiet">
              {order.customer.name}{order.customer.country && `, ${order.customer.country}`} · {moment(order.placedAt)}
            </p>
          </header>
          <Actions order={order} onForget={onForget} onStale={reload} />
          <div className="order">
            <section className="card">
              <h2>Lines</h2>
              <ul>{order.lineItems.nodes.map((line) => <Line key={line.id} line={line} status={order.status} />)}</ul>
              {order.lineItems.pageInfo.hasNextPage && <p className="quiet">And more than these hundred.</p>}
              {!order.pricesIncludeTax && <Taxes order={order} />}
              <p className="total"><span>Total</span> <strong>{money(order.total)}</strong></p>
              {order.pricesIncludeTax && <Taxes order={order} />}
            </section>
            <Timeline order={order} />
          </div>
        </>
      )}
    </div>
  );
}
