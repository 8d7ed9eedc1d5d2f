import { useEffect, useState } from "react";
import { useQuery } from "urql";

import { Availability, Connection, useLive } from "./Availability";
import { Basket } from "./Basket";
import { useBasket } from "./useBasket";
import { PRODUCTS } from "./documents";
import { money } from "./format";
import { Picture } from "./Picture";
import { Trouble } from "./Trouble";

function useSettled(value, milliseconds) {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

function Card({ product }) {
  const { lines, add, intent } = useBasket();
  const there = lines.find((line) => line.product.id === product.id);
  const [, name, rest] = product.name.match(/^([^,]*),? ?(.*)$/);
  return (
    <li className="card product">
      <Picture product={product} />
      <h2>{name}</h2>
      <p className="quiet">{rest}</p>
      <p className="price">
        {product.listPrice ? money(product.listPrice) : "Price on request"}
        {product.unit !== "pcs" && <span className="quiet"> / {product.unit}</span>}
      </p>
      <Availability stock={product.stock} unit={product.unit} />
      <button
        disabled={!product.listPrice || Boolean(intent)}
        aria-label={`Add ${product.name}`}
        onClick={() => add(product)}
      >
        {there ? `One more (${there.quantity})` : "Add to basket"}
      </button>
    </li>
  );
}

export function Products({ onForget }) {
  const [words, setWords] = useState("");
  const search = useSettled(words.trim(), 250) || null;
  const [after, setAfter] = useState(null);
  const [{ data, error, fetching }, again] = useQuery({ query: PRODUCTS, variables: { search, after } });
  const [found, keep] = useState(null); // stays where more of them can't be had
  if (data?.products && data.products !== found) keep(data.products);
  const stale = useLive(found?.nodes.map((product) => product.id) ?? []);

  const count = found?.totalCount;
  const many = count && `${count.value}${count.exact ? "" : "+"} ${count.value === 1 ? "product" : "products"}`;
  const said = count?.value === 0 ? `Nothing is called “${search}”` : many;
  return (
    <div className="shop">
      <section aria-label="Products" aria-busy={fetching}>
        <div className="tools">
          <h1>Products</h1>
          <label className="search">
            <span className="unseen">Search products</span>
            <input
              type="search"
              value={words}
              placeholder="Search: mug, terracotta, 5 l …"
              onChange={(event) => (setWords(event.target.value), setAfter(null))}
            />
          </label>
          <p role="status" className="quiet">{said}</p>
          <Connection />
        </div>
        {!error && <Trouble error={stale} onForget={onForget} />}
        <ul className="grid">
          {found?.nodes.map((product) => <Card key={product.id} product={product} />)}
          {!found && fetching && Array.from({ length: 8 }, (_, place) => <li key={place} className="card ghost" />)}
        </ul>
        <Trouble error={error} onForget={onForget} onAgain={() => again({ requestPolicy: "network-only" })} />
        {found?.pageInfo.hasNextPage && !error && (
          <button className="more" disabled={fetching} onClick={() => setAfter(found.pageInfo.endCursor)}>
            {fetching ? "Loading…" : "Show more"}
          </button>
        )}
      </section>
      <aside>
        <Basket onForget={onForget} />
      </aside>
    </div>
  );
}
