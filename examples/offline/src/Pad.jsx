import { useLiveQuery } from "dexie-react-hooks";
import { useState } from "react";

import { db } from "./db";
import { isPositive, minus, money } from "./format";
import { take } from "./outbox";
import { sync } from "./sync";

const SHOWN = 12;

/** What may be promised: what the copy says, less what was taken here and isn't in the copy yet. */
function left(product, outbox) {
  const lines = outbox.filter(({ state }) => state !== "refused").flatMap((entry) => entry.lines);
  const mine = lines.filter((line) => line.product.id === product.id);
  return mine.reduce((rest, line) => minus(rest, line.quantity), product.stock.available);
}

function Product({ product, outbox, onAdd }) {
  const rest = left(product, outbox);
  return (
    <li>
      <span>
        {product.name} <small className="quiet">{product.sku}</small>
      </span>
      <span className="price">{product.listPrice ? money(product.listPrice) : "no price"}</span>
      <span className={isPositive(rest) ? "rest" : "rest none"}>{isPositive(rest) ? `${rest} left` : "none left"}</span>
      <button aria-label={`Add ${product.name}`} disabled={!product.listPrice} onClick={() => onAdd(product)}>
        Add
      </button>
    </li>
  );
}

function Lines({ lines, onChange }) {
  const put = (at, quantity) => onChange(lines.map((line, place) => (place === at ? { ...line, quantity } : line)));
  return (
    <ul className="lines">
      {lines.map(({ product, quantity }, at) => (
        <li key={product.id}>
          <span>{product.name}</span>
          <input
            type="number"
            min="1"
            step="1"
            required
            value={quantity}
            aria-label={`Quantity of ${product.name}`}
            onChange={(event) => put(at, event.target.value)}
          />
          <button
            type="button"
            className="plain"
            aria-label={`Remove ${product.name}`}
            onClick={() => onChange(lines.filter((_, place) => place !== at))}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Takes an order: with a network or without one. */
export function Pad({ outbox }) {
  const [words, setWords] = useState("");
  const [lines, setLines] = useState([]);
  const [customer, setCustomer] = useState("");
  const [said, say] = useState("");
  const customers = useLiveQuery(() => db.partners.orderBy("name").filter(({ kinds }) => kinds.includes("CUSTOMER")).toArray());
  const products = useLiveQuery(() => db.products.orderBy("name").filter(({ active }) => active).toArray());
  const sought = words.toLowerCase().split(/\s+/);
  const found = products?.filter(({ sku, name }) => sought.every((word) => `${sku} ${name}`.toLowerCase().includes(word))) ?? [];

  const add = (product) =>
    setLines(
      lines.some((line) => line.product.id === product.id)
        ? lines.map((line) => (line.product.id === product.id ? { ...line, quantity: String(Number(line.quantity) + 1) } : line))
        : [...lines, { product: { id: product.id, name: product.name }, quantity: "1" }],
    );

  async function submit(event) {
    event.preventDefault();
    const { id, name } = customers.find((each) => each.id === customer);
    await take({ id, name }, lines);
    setLines([]);
    say(`Taken for ${name}.`);
    sync();
  }

  return (
    <section className="card" aria-labelledby="pad">
      <h2 id="pad">New order</h2>
      <form onSubmit={submit}>
        <label>
          Customer
          <select value={customer} required onChange={(event) => setCustomer(event.target.value)}>
            <option value="" disabled>Choose…</option>
            {customers?.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </select>
        </label>
        <Lines lines={lines} onChange={setLines} />
        <button className="main" disabled={!lines.length}>Take order</button>
        <p role="status" className="quiet">{said}</p>
      </form>
      <label>
        Find products
        <input type="search" value={words} onChange={(event) => setWords(event.target.value)} />
      </label>
      <ul className="products">
        {found.slice(0, SHOWN).map((product) => (
          <Product key={product.id} product={product} outbox={outbox} onAdd={add} />
        ))}
      </ul>
      {found.length > SHOWN && <p className="quiet">And {found.length - SHOWN} more: narrow the search.</p>}
    </section>
  );
}
