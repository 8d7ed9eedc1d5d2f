import { useEffect, useState } from "react";
import { useClient } from "urql";

import { AVAILABILITY } from "./documents";
import { less, quantity } from "./format";

const EVERY = 10_000; // milliseconds
const AT_ONCE = 100; // ids that Query.nodes takes

/** Looks again every ten seconds, and when the tab is; what it finds reaches all that shows these products. */
export function useLive(ids) {
  const client = useClient();
  const [error, setError] = useState(null);
  const list = ids.join();

  useEffect(() => {
    async function look() {
      if (!list || document.visibilityState !== "visible") return;
      const all = list.split(",");
      const parts = Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, part) =>
        all.slice(part * AT_ONCE, (part + 1) * AT_ONCE),
      );
      const ask = (part) => client.query(AVAILABILITY, { ids: part }, { requestPolicy: "network-only" }).toPromise();
      const answers = await Promise.all(parts.map(ask));
      setError(answers.find((answer) => answer.error)?.error ?? null);
    }
    const timer = setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
    };
  }, [client, list]);

  return error;
}

/** What can be promised now. */
export function Availability({ stock, unit }) {
  const { available, incoming } = stock;
  if (less("0", available)) {
    const few = !less("10", available);
    return <p className={few ? "stock few" : "stock"}>{few ? "Only " : ""}{quantity(available, unit)} left</p>;
  }
  if (less("0", incoming)) return <p className="stock none">Arrives later: {quantity(incoming, unit)} announced</p>;
  return <p className="stock none">On backorder, arrives later</p>;
}
