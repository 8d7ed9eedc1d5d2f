// graphql-sse alone: a feed that goes on where a broken one ended, and what it is told of a stream that isn't opened.
import assert from "node:assert/strict";

import { createClient } from "graphql-sse";

import { done, key, longestOrder, until, url, writeNote } from "./plain.mjs";

const { id } = await longestOrder();
const open = (headers) => createClient({ url: `${url}/stream`, headers, retryAttempts: 0 });
const streams = open({ Authorization: `Bearer ${key}` });
const FEED = `subscription Feed($after: String) {
  changes(after: $after, kinds: [ORDER]) { cursor changes { node { id ... on Order { note } } } }
}`;

/** What a feed brings from a cursor on, until it is ended. */
function followed(after) {
  const batches = [];
  const end = streams.subscribe(
    { query: FEED, variables: { after } },
    { next: ({ data, errors }) => batches.push(errors ?? data.changes), error: assert.fail, complete() {} },
  );
  return { batches, end };
}

const first = followed(null);
await until(() => first.batches.length === 1, "the first batch");
assert.deepEqual(first.batches[0].changes, []);
await writeNote(id, "Seen");
await until(() => first.batches.length === 2, "the change");
assert.deepEqual(first.batches[1].changes, [{ node: { id, note: "Seen" } }]);
first.end();
await writeNote(id, "Missed");
const second = followed(first.batches[1].cursor);
await until(() => second.batches.length === 1, "what was missed");
assert.deepEqual(second.batches[0].changes, [{ node: { id, note: "Missed" } }]);
second.end();
done("a feed goes on from the cursor of the batch before, with what was missed in between");

async function refused(client, query) {
  return new Promise((resolve) => {
    client.subscribe({ query }, { next: resolve, error: resolve, complete: () => resolve("complete") });
  });
}

const unknown = await refused(open({ Authorization: "Bearer erp_none" }), "subscription { changes { cursor } }");
assert.equal(unknown.response.status, 401);
const wrong = await refused(streams, "subscription { nothing }");
assert.match(wrong.errors?.[0].message ?? "", /nothing/);
done("a wrong key ends it with 401, a wrong document with GraphQL's errors");
process.exit();
