// Apollo Client's persisted queries: the hash alone, the text once where the server doesn't know it, then the hash again.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { done, key, url } from "./plain.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const requests = [];
const seen = (address, options) => {
  const body = options.body === undefined ? Object.fromEntries(new URL(address).searchParams) : JSON.parse(options.body);
  requests.push([options.method, "query" in body ? "text" : "hash"].join(" "));
  return fetch(address, options);
};

async function ask(document, options) {
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, ...options }),
    new HttpLink({ uri: url, fetch: seen, headers: { Authorization: `Bearer ${key}` } }),
  ]);
  const { data } = await new ApolloClient({ link, cache: new InMemoryCache() }).query({ query: gql(document) });
  assert.ok(data.viewer);
  return requests.splice(0);
}

const DOCUMENT = "query Persisted { viewer { principal tenant { name } } }";
assert.deepEqual(await ask(DOCUMENT), ["POST hash", "POST text"]);
assert.deepEqual(await ask(DOCUMENT), ["POST hash"]);
done("by POST: the text is sent once, whoever of the tenant asks next");

const OTHER = "query PersistedByGet { viewer { principal tenant { currency } } }";
assert.deepEqual(await ask(OTHER, { useGETForHashedQueries: true }), ["GET hash", "POST text"]);
assert.deepEqual(await ask(OTHER, { useGETForHashedQueries: true }), ["GET hash"]);
done("by GET: the same, and the hash alone is an address");
