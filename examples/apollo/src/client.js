import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

/** Lists that grow page by page; each filter and sort is a list of its own. */
const list = relayStylePagination(["where", "orderBy", "search"]);

/** A client for a graph at `url`. Ids are unique over all types, so the cache's default key, type and id, is right. */
export function createClient(url, key) {
  return new ApolloClient({
    link: new HttpLink({ uri: url, headers: { Authorization: `Bearer ${key}` } }),
    cache: new InMemoryCache({
      typePolicies: {
        Query: { fields: { orders: list, partners: list, products: list } },
        Order: { fields: { lineItems: list, events: list } },
        Partner: { fields: { orders: list, events: list } },
        Product: { fields: { lineItems: list, events: list } },
      },
    }),
  });
}
