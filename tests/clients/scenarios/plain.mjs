// What the scenarios share: requests without any client, a count of those that a client sends, and waiting.
import assert from "node:assert/strict";

export const url = process.env.ERPGRAPH_URL;
export const key = process.env.ERPGRAPH_KEY;

const send = globalThis.fetch;

/** The GraphQL requests that the client under test sent: bodies of POST, parameters of GET. */
export const sent = [];

globalThis.fetch = (input, init) => {
  sent.push(init?.body ? JSON.parse(init.body) : Object.fromEntries(new URL(input).searchParams));
  return send(input, init);
};

/** The data of a plain POST. */
export async function post(query, variables = {}) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const answer = await send(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  return data;
}

/** The order with the most lines: its id, number, and how many those are. */
export async function longestOrder() {
  const { orders } = await post("{ orders(first: 100) { nodes { id number lineItems { totalCount { value } } } } }");
  const [{ id, number, lineItems }] = orders.nodes.sort(
    (a, b) => b.lineItems.totalCount.value - a.lineItems.totalCount.value,
  );
  return { id, number, lines: lineItems.totalCount.value };
}

/** Change an order's note behind the client's back. */
export async function writeNote(id, note) {
  const { orderUpdate } = await post(
    "mutation ($input: OrderUpdateInput!) { orderUpdate(input: $input) { userErrors { message } } }",
    { input: { order: { id }, note } },
  );
  assert.deepEqual(orderUpdate.userErrors, []);
}

/** Wait until it holds, at most ten seconds. */
export async function until(holds, what) {
  for (const end = Date.now() + 10_000; !holds(); ) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The numbers from 1. */
export const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

export const done = (what) => console.log(`- ${what}`);
