import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode, print } from "graphql";
import { createClient as createStreams } from "graphql-sse";
import { Observable } from "rxjs";

/** Lists that grow page by page; each filter and sort is a list of its own. */
const list = relayStylePagination(["where", "orderBy", "search"]);

/** Subscriptions, by server-sent events. A stream that breaks is opened anew, and begins with how things are then. */
function streaming(url, headers) {
  const streams = createStreams({ url: `${url}/stream`, headers, retryAttempts: Infinity });
  return new ApolloLink(
    ({ query, variables, operationName }) =>
      new Observable((sink) =>
        streams.subscribe(
          { query: print(query), variables, operationName },
          {
            next: (result) => sink.next(result),
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          },
        ),
      ),
  );
}

/** A client for a graph at `url`. Ids are unique over all types, so the cache's default key, type and id, is right. */
export function createClient(url, key) {
  const headers = { Authorization: `Bearer ${key}` };
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      streaming(url, headers),
      new HttpLink({ uri: url, headers }),
    ),
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
