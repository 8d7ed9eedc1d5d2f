import { useCallback, useEffect, useRef, useState } from "react";
import { useClient } from "urql";

import { AVAILABILITY } from "./documents";
import { less, quantity } from "./format";
import { useStanding } from "./live";

const EVERY = 10_000; // milliseconds
const AT_ONCE = 100; // ids that Query.nodes takes

/**
 * The feed tells what changes (App.jsx). As long as it can't, this looks again every ten seconds, and when the tab is; what it finds
 * reaches all that shows these products. An error, where there is one.
 */
export function useLive(ids) {
  const client = useClient();
  const { connected, missed } = useStanding();
  const [error, setError] = useState(null);
  const list = ids.join();

  const look = useCallback(async () => {
    if (!list || document.visibilityState !== "visible") return;
    const all = list.split(",");
    const parts = Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, part) =>
      all.slice(part * AT_ONCE, (part + 1) * AT_ONCE),
    );
    const ask = (part) => client.query(AVAILABILITY, { ids: part }, { requestPolicy: "network-only" }).toPromise();
    const answers = await Promise.all(parts.map(ask));
    setError(answers.find((answer) => answer.error)?.error ?? null);
  }, [client, list]);

  const read = useRef(missed);
  useEffect(() => {
    if (read.current !== missed) look();
    read.current = missed;
  }, [missed, look]);

  useEffect(() => {
    if (connected) return setError(null);
    const timer = setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
    };
  }, [connected, look]);

  return error;
}

/** Whether what is shown follows by itself. */
export function Connection() {
  const { connected } = useStanding();
  return (
    <p className={connected ? "connection on" : "connection"} role="status">
      {connected ? "Live" : "Not live: looks again every ten seconds"}
    </p>
  );
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
