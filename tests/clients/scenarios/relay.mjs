// Relay's hooks in a page: pages of a nested connection, refetching by `node`, a mutation that changes what is shown.
import assert from "node:assert/strict";

import { createEnvironment } from "./build/environment.js";
import { followOrder } from "./build/followOrder.js";
import { show } from "./build/main.js";
import { writeNote as mutate } from "./build/NoteMutation.js";
import { done, key, longestOrder, sent, until, upTo, url, writeNote } from "./plain.mjs";

const { id, number, lines } = await longestOrder();
const environment = createEnvironment(url, key);
const root = show(environment, number);
const find = (selector) => root.querySelector(selector);
const positions = () => [...root.querySelectorAll("li")].map((line) => Number(line.getAttribute("value")));
const operations = () => sent.splice(0).map(({ operationName }) => operationName);

await until(() => find("main"), "the order");
assert.deepEqual(positions(), [1, 2]);
assert.deepEqual(operations(), ["OrderScreenQuery"]);
done("an order and the first page of its lines in one request");

const pages = Math.ceil((lines - 2) / 3);
for (const page of upTo(pages)) {
  await until(() => !find("[name=more]").disabled, "the button");
  find("[name=more]").click();
  await until(() => positions().length === Math.min(2 + 3 * page, lines), `page ${page}`);
}
await until(() => find("[name=more]").disabled, "the end of the list");
assert.deepEqual(positions(), upTo(lines));
assert.ok(sent.every(({ query, variables }) => query.includes("node(id: $id)") && variables.id === id));
assert.deepEqual(operations(), Array(pages).fill("OrderLinesPaginationQuery"));
done(`usePaginationFragment: ${lines} lines in ${pages} more pages, each asked of node`);

const note = `Ring twice, ${Date.now()}`;
await writeNote(id, note);
find("[name=refresh]").click();
await until(() => find("[role=note]")?.textContent === note, "the note");
assert.equal(positions().length, lines);
assert.deepEqual(operations(), ["OrderHeadRefetchQuery"]);
done("useRefetchableFragment: what another client wrote, by node; the lines stay");

assert.deepEqual(await mutate(environment, id, `${note}!`), { order: { id, note: `${note}!` }, userErrors: [] });
await until(() => find("[role=note]").textContent === `${note}!`, "the mutation's note");
assert.deepEqual(operations(), ["NoteMutation"]);
done("a mutation's payload changes what is shown, without another query");

const unfollow = followOrder(environment, id);
await until(() => sent.length, "the stream's request");
await writeNote(id, note);
await until(() => find("[role=note]").textContent === note, "the change");
assert.deepEqual(operations(), ["followOrderSubscription"]);
unfollow();
done("a subscription shows what another client wrote");

find("[name=again]").click();
await until(() => positions().length === 1, "the list from its start");
assert.deepEqual(operations(), ["OrderLinesPaginationQuery"]);
done("refetch with other arguments begins the list anew");
process.exit();
