import { JSDOM } from "jsdom";
import { Suspense } from "react";
import { createRoot } from "react-dom/client";
import { RelayEnvironmentProvider } from "react-relay";

import { createEnvironment } from "./environment";
import { OrderScreen } from "./OrderScreen";

/** Show an order in a page, here one of jsdom. Returns the page's root element. */
export function show(environment, number) {
  const page = new JSDOM("<div id='root'></div>").window;
  Object.assign(globalThis, { window: page, document: page.document });
  const root = page.document.getElementById("root");
  createRoot(root).render(
    <RelayEnvironmentProvider environment={environment}>
      <Suspense fallback="Loading">
        <OrderScreen number={number} />
      </Suspense>
    </RelayEnvironmentProvider>,
  );
  return root;
}

if (require.main === module) {
  const { ERPGRAPH_URL, ERPGRAPH_KEY } = process.env;
  const root = show(createEnvironment(ERPGRAPH_URL, ERPGRAPH_KEY), process.argv[2] ?? "SO-2026-000083");
  const watched = setInterval(() => {
    if (!root.querySelector("main, p")) return;
    clearInterval(watched);
    console.log(root.innerHTML);
  }, 20);
}
