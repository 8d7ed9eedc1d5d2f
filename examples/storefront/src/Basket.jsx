import { useEffect, useId } from "react";
import { useQuery } from "urql";

import { CUSTOMERS } from "./documents";
import { isQuantity, less, money, plus, quantity as shown, total } from "./format";
import { Picture } from "./Picture";
import { Trouble } from "./Trouble";
import { useBasket } from "./useBasket";

/** What the lines cost at list prices; the order has the final word. */
function price(lines) {
  const { currency } = lines[0].product.listPrice;
  const priced = lines.map(({ product, quantity }) => ({ quantity, price: product.listPrice.amount }));
  return money({ amount: total(priced, currency), currency });
}

/** What is wrong with a line, and the ways out. */
function Refusal({ id, refusal, line }) {
  const { put, drop, allowBackorder } = useBasket();
  const { product } = line;
  if (refusal.code !== "INSUFFICIENT_STOCK") return <p id={id} className="fault">{refusal.message}</p>;
  const { available } = refusal;
  const some = less("0", available);
  return (
    <div className="refusal">
      <p id={id} className="fault">
        {some ? `Only ${shown(available, product.unit)} left` : "None left"}, and you want{" "}
        {shown(refusal.requested, product.unit)}.
      </p>
      <button type="button" onClick={() => (some ? put(product, available) : drop(product.id))}>
        {some ? `Take ${shown(available, product.unit)}` : "Leave it out"}
      </button>
      <button type="button" onClick={() => allowBackorder(true)}>Let {some ? "the rest" : "it"} arrive later</button>
    </div>
  );
}

function Line({ line }) {
  const { put, drop, refusals } = useBasket();
  const { product, quantity } = line;
  const id = useId();
  const mine = refusals.filter((refusal) => refusal.product === product.id);
  const wrong = mine.length > 0 || !isQuantity(quantity);
  const step = (sign) => put(product, plus(quantity, "1", sign));
  return (
    <li className={wrong ? "line wrong" : "line"} data-sku={product.sku}>
      <Picture product={product} />
      <div>
        <p className="name">{product.name}</p>
        <div className="amount">
          <button type="button"
            aria-label={`One less ${product.name}`}
            disabled={!isQuantity(quantity) || !less("1", quantity)}
            onClick={() => step(-1n)}
          >
            −
          </button>
          <input
            value={quantity}
            inputMode="decimal"
            aria-label={`Quantity of ${product.name}`}
            aria-invalid={wrong}
            aria-describedby={wrong ? id : undefined}
            onChange={(event) => put(product, event.target.value.trim().replace(",", "."))}
          />
          <button
            type="button"
            aria-label={`One more ${product.name}`}
            disabled={!isQuantity(quantity)}
            onClick={() => step(1n)}
          >
            +
          </button>
          <span className="sum">{isQuantity(quantity) && price([line])}</span>
          <button type="button" className="plain" aria-label={`Remove ${product.name}`} onClick={() => drop(product.id)}>
            ×
          </button>
        </div>
        {mine.map((refusal, place) => (
          <Refusal key={place} id={place ? undefined : id} refusal={refusal} line={line} />
        ))}
        {!isQuantity(quantity) && <p id={id} className="fault">How many? At most six decimals.</p>}
      </div>
    </li>
  );
}

export function Basket({ alone = false, onForget }) {
  const { lines, customer, backorder, intent, sending, trouble, refusals, ...does } = useBasket();
  const [{ data, error }] = useQuery({ query: CUSTOMERS, pause: lines.length === 0 });
  const id = useId();
  const Heading = alone ? "h1" : "h2";
  const sound = lines.length > 0 && lines.every((line) => isQuantity(line.quantity));

  useEffect(() => {
    if (refusals.length) document.querySelector(".line [aria-invalid=true]")?.focus();
  }, [refusals]);

  async function place(confirm) {
    const order = await does.place(confirm);
    if (order) location.hash = `#/orders/${encodeURIComponent(order.number)}`;
  }

  if (!lines.length) {
    return (
      <section className="card basket">
        <Heading>Basket</Heading>
        <p className="quiet">Nothing in it yet.</p>
      </section>
    );
  }
  return (
    <form className="card basket" onSubmit={(event) => (event.preventDefault(), place(true))} aria-label="Basket">
      <Heading>Basket</Heading>
      <fieldset disabled={sending || Boolean(intent)}>
        <ul>{lines.map((line) => <Line key={line.product.id} line={line} />)}</ul>
        <div className="field">
          <label htmlFor={id}>For</label>
          <select id={id} required value={customer} onChange={(event) => does.choose(event.target.value)}>
            <option value="">Choose a customer</option>
            {data?.partners.nodes.filter(({ kinds }) => kinds.includes("CUSTOMER")).map(({ id, name }) => (
              <option key={id} value={id}>{name}</option>
            ))}
          </select>
        </div>
        <label className="check">
          <input type="checkbox" checked={backorder} onChange={(event) => does.allowBackorder(event.target.checked)} />
          What is short may arrive later
        </label>
      </fieldset>
      <Trouble error={trouble ?? error} onForget={onForget} />
      {refusals.filter(({ product }) => !product).map((refusal, place) => (
        <p key={place} role="alert" className="fault">{refusal.message}</p>
      ))}
      {refusals.length > 0 && <p role="alert" className="quiet">Nothing was ordered. See what is marked above.</p>}
      {sound && <p className="total"><span>Total, before tax</span> <strong>{price(lines)}</strong></p>}
      {intent && !sending && (
        <p className="quiet" role="status">
          Nobody knows yet whether the order was placed. Sending it again is safe: it will not be placed twice.
        </p>
      )}
      <div className="buttons">
        <button className="main" disabled={!sound || sending}>
          {sending ? "Placing…" : intent ? "Send it again" : "Place order"}
        </button>
        {!intent && (
          <button type="button" disabled={!sound || !customer || sending} onClick={() => place(false)}>
            Save as draft
          </button>
        )}
      </div>
    </form>
  );
}
