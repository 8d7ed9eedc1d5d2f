import { useEffect, useRef, useSyncExternalStore } from "react";
import { useQuery } from "urql";

import { Basket } from "./Basket";
import { useBasket } from "./useBasket";
import { HERE } from "./documents";
import { capital } from "./format";
import { useFeed } from "./live";
import { Order } from "./Order";
import { Orders } from "./Orders";
import { Flower } from "./Picture";
import { Products } from "./Products";

const place = () => decodeURIComponent(location.hash.replace(/^#\/?/, ""));

const TITLES = { "": "Products", basket: "Basket", orders: "Orders" };

function follow(listener) {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

function Screen({ path, onForget }) {
  if (path === "basket") return <Basket alone onForget={onForget} />;
  if (path === "orders") return <Orders onForget={onForget} />;
  if (path.startsWith("orders/")) return <Order key={path} number={path.slice(7)} onForget={onForget} />;
  return <Products onForget={onForget} />;
}

export function App({ onForget }) {
  const path = useSyncExternalStore(follow, place);
  const { lines } = useBasket();
  const main = useRef(null);
  const first = useRef(true);
  // Every screen asks who it is for, and where in the feed it is: neither costs a request of its own.
  const [{ data }] = useQuery({ query: HERE, requestPolicy: "cache-only" });
  useFeed(data?.changes.cursor);

  useEffect(() => {
    if (!first.current) main.current.focus();
    first.current = false;
    document.title = `${TITLES[path] ?? path.slice(7)} · Storefront`;
    scrollTo(0, 0);
  }, [path]);

  const here = (name) => (path === name ? "page" : undefined);
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current.focus())}>
        Skip to the content
      </a>
      <header className="top">
        <a className="brand" href="#/">
          <Flower />
          {data?.viewer ? capital(data.viewer.tenant.name) : "Storefront"}
        </a>
        <nav aria-label="Main">
          <a href="#/" aria-current={here("")}>Products</a>
          <a href="#/orders" aria-current={here("orders")}>Orders</a>
          <a href="#/basket" aria-current={here("basket")}>
            Basket <span className="count" role="status">{lines.length}<span className="unseen"> lines</span></span>
          </a>
        </nav>
        <button className="plain" onClick={onForget}>Other key</button>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <Screen path={path} onForget={onForget} />
      </main>
    </>
  );
}
