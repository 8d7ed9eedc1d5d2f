// Subscriptions by the library graphql-ws: what is told, a connection that breaks, credentials, mistakes.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { done, key, post, until, url } from "./plain.mjs";

const address = url.replace(/^http/, "ws");
const MAKE = "mutation ($name: String!) { partnerUpsert(input: {code: \"WS\", name: $name}) { userErrors { message } } }";
const FOLLOW = "subscription ($after: String) { changes(after: $after, kinds: [PARTNER]) { cursor changes { node { ... on Partner { name } } } } }";

const closed = [];
let socket;
const client = createClient({
  url: address,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization: `Bearer ${key}` }),
  retryAttempts: Infinity,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  on: { connected: (opened) => (socket = opened), closed: ({ code }) => closed.push(code) },
});

let after;
let batches = 0;
const told = [];
const variables = { get after() { return after; } };
const end = client.subscribe({ query: FOLLOW, variables }, {
  next({ data, errors }) {
    assert.equal(errors, undefined);
    after = data.changes.cursor;
    batches += 1;
    told.push(...data.changes.changes.map((change) => change.node.name));
  },
  error: (error) => assert.fail(String(error)),
  complete() {},
});
await until(() => batches === 1, "the first batch");
await post(MAKE, { name: "first" });
await until(() => told.length === 1, "a change");
done("a batch at once, and one for a change");

socket.terminate();
await until(() => closed.length === 1, "the connection is gone");
await post(MAKE, { name: "missed" });
await until(() => told.length === 2, "what was committed meanwhile");
assert.deepEqual(told, ["first", "missed"]);
assert.deepEqual(closed, [1006]);
done("a connection that broke is begun again, and nothing is missed or told twice");

const failed = (payload) => new Promise((resolve) => client.subscribe(payload, { next() {}, complete() {}, error: resolve }));
const [mistake] = await failed({ query: "subscription { changes { nothing } }" });
assert.equal(mistake.extensions.code, "GRAPHQL_VALIDATION_FAILED");
const [query] = await failed({ query: "{ viewer { principal } }" });
assert.equal(query.extensions.code, "BAD_REQUEST");
await post(MAKE, { name: "goes on" });
await until(() => told.at(-1) === "goes on", "the first subscription");
done("mistakes of one subscription leave the others alone");

end();
const stranger = createClient({ url: address, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { authorization: "Bearer erp_wrong" } });
const refused = await new Promise((resolve) => stranger.subscribe({ query: FOLLOW }, { next() {}, complete() {}, error: resolve }));
assert.equal(refused.code, 4403);
done("a wrong key is closed with 4403");
await client.dispose();
