// Subscriptions, all by one socket. A connection that breaks is begun again, and each goes on from its last cursor: nothing is missed.
import { createClient } from "graphql-ws";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useClient } from "urql";

import { FEED } from "./documents";

const LATEST = 10_000; // milliseconds between two tries to connect; the first is after half a second

// Whether the page is told of changes now; how often it missed some, and has to read what it shows; how often orders changed.
let standing = { connected: false, missed: 0, orders: 0 };
const listeners = new Set();
const listen = (listener) => (listeners.add(listener), () => listeners.delete(listener));
function stand(changed) {
  standing = { ...standing, ...changed };
  listeners.forEach((listener) => listener());
}
const miss = () => stand({ missed: standing.missed + 1 });

export const useStanding = () => useSyncExternalStore(listen, () => standing);

/** Follow the feed from a place on, for as long as the page is there. */
export function useFeed(cursor) {
  const client = useClient();
  const [from, begin] = useState(null);
  if (cursor && !from) begin(cursor);
  useEffect(() => {
    if (!from) return undefined;
    const { unsubscribe } = client.subscription(FEED, { after: from }).subscribe(({ data }) => {
      if (data?.changes.reload.length) miss();
      if (data?.changes.changes.some(({ kind }) => kind === "ORDER")) stand({ orders: standing.orders + 1 });
    });
    return unsubscribe;
  }, [client, from]);
}

const wait = (tries) =>
  new Promise((go) => setTimeout(go, Math.min(500 * 2 ** tries, LATEST) * (0.75 + Math.random() / 2)));

/** What urql hands subscriptions to. The place in the feed is the variable `after`, of documents that have one. */
export function follower(url, key) {
  const address = new URL(url, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = createClient({
    url: address.href,
    connectionParams: { authorization: `Bearer ${key}` },
    lazyCloseTimeout: 2_000, // from one screen to the next it stays open
    keepAlive: 20_000, // a connection that is dead without a word is found out
    retryAttempts: Infinity,
    retryWait: wait,
    shouldRetry: ({ code }) => code !== 4403, // a key that has ended is for a person to change
    on: { connected: () => stand({ connected: true }), closed: () => stand({ connected: false }) },
  });
  return (request) => ({ subscribe: (sink) => ({ unsubscribe: resumed(socket, request, sink) }) });
}

/** Subscribe; where the place is gone, because the page was away for too long, from now on. */
function resumed(socket, { query, variables }, sink) {
  let after = variables?.after;
  let gone = false;
  let end;
  const payload = { query, variables: { ...variables } };
  if (after !== undefined) Object.defineProperty(payload.variables, "after", { enumerable: true, get: () => after });

  function next(result) {
    gone = Boolean(after) && result.errors?.[0]?.extensions?.code === "RESYNC_REQUIRED";
    if (gone) return;
    if (after !== undefined) after = result.data?.changes?.cursor ?? after;
    sink.next(result);
  }
  function complete() {
    if (!gone) return sink.complete();
    after = null;
    begin();
    miss();
  }
  function error(reason) {
    if (!Array.isArray(reason)) return sink.error(reason);
    sink.next({ data: null, errors: reason });
    sink.complete();
  }
  function begin() {
    end = socket.subscribe(payload, { next, error, complete });
  }
  begin();
  return () => end();
}
