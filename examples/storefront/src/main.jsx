import { StrictMode, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";

import { App } from "./App";
import { BasketProvider } from "./useBasket";
import { connect } from "./graph";
import { Key } from "./Key";
import "./style.css";

// The key is the tab's own: never in a URL, gone with the tab.
const KEPT = "storefront:key";

function Root() {
  const [key, setKey] = useState(() => sessionStorage.getItem(KEPT));
  const client = useMemo(() => key && connect(key), [key]);

  function use(given) {
    if (given) sessionStorage.setItem(KEPT, given);
    else sessionStorage.removeItem(KEPT);
    setKey(given);
  }

  if (!key) return <Key onKey={use} />;
  return (
    <Provider value={client}>
      <BasketProvider>
        <App onForget={() => use(null)} />
      </BasketProvider>
    </Provider>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
