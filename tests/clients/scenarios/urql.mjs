// urql's graphcache, which knows the schema: pages that are merged, an entity that a mutation changes, partial answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { gql } from "@urql/core";

import { done, key, longestOrder, sent, until, upTo, url, writeNote } from "./plain.mjs";
import { createClient } from "./src/client.js";
import { FOLLOW, LINES, ORDERS, WRITE_NOTE } from "./src/documents.js";

const { id, lines } = await longestOrder();
const complaints = [];
console.warn = console.error = (...words) => complaints.push(words.join(" "));
const client = createClient(url, key, JSON.parse(readFileSync("src/schema.json", "utf8")));
const operations = () => sent.splice(0).map(({ operationName }) => operationName);

const seen = [];
let after = null;
for (let more = true; more; ) {
  const { data, error } = await client.query(LINES, { id, first: 4, after });
  assert.equal(error, undefined);
  seen.push(data.order.lineItems.edges.map(({ node }) => node.position));
  ({ endCursor: after, hasNextPage: more } = data.order.lineItems.pageInfo);
}
assert.deepEqual(seen, upTo(Math.ceil(lines / 4)).map((pages) => upTo(Math.min(4 * pages, lines))));
assert.deepEqual(operations(), Array(seen.length).fill("Lines"));
done(`relayPagination: one list of ${lines} lines in ${seen.length} pages`);

let shown;
let orders;
client.query(LINES, { id, first: 4 }).subscribe(({ data }) => (shown = data?.order));
client.query(ORDERS, { first: 250 }).subscribe(({ data }) => (orders = data?.orders.edges.map(({ node }) => node)));
await until(() => shown && orders, "both queries");
assert.deepEqual(operations(), ["Orders"]);
done("what is in the cache is not asked for again");

const note = `Third floor, ${Date.now()}`;
const { data } = await client.mutation(WRITE_NOTE, { input: { order: { id }, note } });
assert.deepEqual(data.orderUpdate.userErrors, []);
await until(() => shown.note === note && orders.find((order) => order.id === id).note === note, "the note");
assert.deepEqual(operations(), ["WriteNote"]);
done("a mutation's payload changes the order and the list that has it, without another query");

let followed;
client.subscription(FOLLOW, { id }).subscribe(({ data }) => (followed = data?.record));
await until(() => followed?.note === note, "the first of the stream");
await writeNote(id, `${note}!`);
await until(() => shown.note === `${note}!` && orders.find((order) => order.id === id).note === `${note}!`, "the change");
assert.deepEqual(operations(), ["Follow"]);
done("a subscription shows what another client wrote, in the order and in the list that has it");

const nullable = gql`
  query Partial($id: ID!) {
    order(by: { id: $id }) {
      id
      number
      externalId
    }
  }
`;
const partial = client.readQuery(nullable, { id });
assert.deepEqual([partial.stale, partial.data.order.externalId], [true, null]);
done("a field that may be null is answered from the schema's knowledge until it comes");
assert.deepEqual(complaints, []);
process.exit();
