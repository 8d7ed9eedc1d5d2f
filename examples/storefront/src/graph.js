// The client: a cache that knows records by their ids, and retries as docs/retries.md wants them.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { retryExchange } from "@urql/exchange-retry";

import { follower } from "./live";
import { codeOf } from "./sentences";

const ERRORS = [
  ..."InvalidInputError NotFoundError InsufficientStockError VersionConflictError".split(" "),
  ..."InvalidTransitionError IdempotencyConflictError StaleStockError".split(" "),
];

// Types without an id: parts of what they stand in.
const PARTS = [
  ..."Count Money PageInfo ProductStock Viewer OrderPayload TaxTotal ChangeBatch Change".split(" "),
  ..."ProductConnection OrderConnection LineItemConnection EventConnection PartnerConnection".split(" "),
  ...ERRORS,
];

export function connect(key) {
  const url = document.querySelector("meta[name=graph]").content;
  return new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${key}` }, credentials: "omit", cache: "no-store" }),
    exchanges: [
      cacheExchange({
        keys: Object.fromEntries(PARTS.map((type) => [type, () => null])),
        possibleTypes: { UserError: ERRORS },
        resolvers: { Query: { products: relayPagination() } },
      }),
      retryExchange({
        initialDelayMs: 200,
        maxDelayMs: 2000,
        randomDelay: true,
        maxNumberAttempts: 3,
        // Every mutation of this page has an idempotencyKey: sent again, nothing is done twice.
        retryIf: unanswered,
      }),
      subscriptionExchange({ forwardSubscription: follower(url, key) }),
      fetchExchange,
    ],
  });
}

/** Whether nobody knows if it was done: no answer, or one that says so little. */
export const unanswered = (error) =>
  ["NO_ANSWER", "UNAVAILABLE", "TIMEOUT", "INTERNAL_SERVER_ERROR"].includes(codeOf(error));

/** Sends a command. `answered`: it was done or refused, and needs a new idempotencyKey to be tried anew. */
export async function send(client, document, input) {
  const { data, error } = await client.mutation(document, { input }).toPromise();
  const payload = data && Object.values(data).find((value) => value?.userErrors);
  return { payload, error, answered: Boolean(payload) || !unanswered(error) };
}
