// Apollo Client's cache: entities by id, pages that are merged, a mutation's payload that reaches all lists.
import assert from "node:assert/strict";

import { gql } from "@apollo/client";

import { done, key, longestOrder, sent, until, upTo, url, writeNote } from "./plain.mjs";
import { createClient } from "./src/client.js";
import { FOLLOW, LINES, ORDERS, WRITE_NOTE } from "./src/documents.js";

const { id, number, lines } = await longestOrder();
const client = createClient(url, key);
const operations = () => sent.splice(0).map(({ operationName }) => operationName);

const watched = client.watchQuery({ query: LINES, variables: { id, first: 4 } });
let shown;
watched.subscribe(({ data }) => (shown = data?.order));
await until(() => shown, "the order");
const positions = () => shown.lineItems.edges.map(({ node }) => node.position);
assert.deepEqual(positions(), [1, 2, 3, 4]);
for (let pages = 2; shown.lineItems.pageInfo.hasNextPage; pages += 1) {
  await watched.fetchMore({ variables: { after: shown.lineItems.pageInfo.endCursor } });
  await until(() => positions().length === Math.min(4 * pages, lines), `page ${pages}`);
}
assert.deepEqual(positions(), upTo(lines));
assert.deepEqual(operations(), Array(Math.ceil(lines / 4)).fill("Lines"));
done(`relayStylePagination: fetchMore made one list of ${lines} lines in ${Math.ceil(lines / 4)} pages`);

const list = client.watchQuery({ query: ORDERS, variables: { first: 250 } });
let orders;
list.subscribe(({ data }) => (orders = data?.orders.edges.map(({ node }) => node)));
await until(() => orders, "the orders");
const cached = client.cache.extract();
assert.equal(cached[`Order:${id}`].number, number);
assert.equal(Object.keys(cached).filter((name) => name.startsWith("LineItem:lin_")).length, lines);
done("the cache holds each order and line once, by its id");

sent.length = 0;
const note = `At the side door, ${Date.now()}`;
const { data } = await client.mutate({ mutation: WRITE_NOTE, variables: { input: { order: { id }, note } } });
assert.deepEqual(data.orderUpdate.userErrors, []);
await until(() => shown.note === note && orders.find((order) => order.id === id).note === note, "the note");
assert.deepEqual(operations(), ["WriteNote"]);
done("a mutation's payload changes the order and the list that has it, without another query");

const fragment = gql`
  fragment Noted on Order {
    note
  }
`;
assert.equal(client.readFragment({ id: `Order:${id}`, fragment }).note, note);
assert.deepEqual(positions(), upTo(lines));

let followed;
const following = client
  .subscribe({ query: FOLLOW, variables: { id } })
  .subscribe(({ data }) => (followed = data?.record));
await until(() => followed?.note === note, "the first of the stream");
await writeNote(id, `${note}!`);
await until(() => shown.note === `${note}!` && orders.find((order) => order.id === id).note === `${note}!`, "the change");
assert.deepEqual(operations(), ["Follow"]);
done("a subscription shows what another client wrote, in the order and in the list that has it");
following.unsubscribe();
client.stop();
