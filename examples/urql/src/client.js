import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { createClient as createStreams } from "graphql-sse";

/** What has no id is kept with what has it. */
const keys = Object.fromEntries(["Count", "Money", "PageInfo", "ProductStock", "Viewer"].map((name) => [name, () => null]));

/** A client for a graph at `url`. `schema` is what `npm run schema` wrote: with it the cache knows types and nulls. */
export function createClient(url, key, schema) {
  const list = relayPagination();
  const cache = cacheExchange({
    schema,
    keys,
    resolvers: {
      Query: { orders: list, partners: list, products: list },
      Order: { lineItems: list, events: list },
      Partner: { orders: list, events: list },
      Product: { lineItems: list, events: list },
    },
  });
  const headers = { Authorization: `Bearer ${key}` };
  const streams = createStreams({ url: `${url}/stream`, headers, retryAttempts: Infinity });
  const live = subscriptionExchange({
    forwardSubscription: (request) => ({ subscribe: (sink) => ({ unsubscribe: streams.subscribe(request, sink) }) }),
  });
  return new Client({ url, exchanges: [cache, live, fetchExchange], fetchOptions: { headers } });
}
