// Orders that were taken here, until the server has them: sent in their order, each again and again with the key that it got when
// it was taken, until there is an answer.
import { db } from "./db";
import { ORDER_BY_KEY, ORDER_CREATE } from "./documents";
import { ask } from "./graph";

/** Take an order: from now on it outlives whatever happens to this page. */
export const take = (customer, lines, more = {}) =>
  db.outbox.put({ key: crypto.randomUUID(), at: Date.now(), state: "waiting", customer, lines, ...more });

export const drop = (key) => db.outbox.delete(key);

/** Send it again in another way: that is another command, and needs another key. */
export const retake = ({ key, customer, lines }, more) =>
  db.transaction("rw", db.outbox, async () => {
    await drop(key);
    await take(customer, lines, more);
  });

/** Send what waits. Throws `NoAnswer` with the first one that got none: it waits on, and so do those behind it. */
export async function send(key) {
  for (;;) {
    const next = await db.outbox.orderBy("at").filter(({ state }) => state === "waiting").first();
    if (!next) return;
    const { order, userErrors } = (await ask(key, ORDER_CREATE, { input: inputOf(next) })).orderCreate;
    if (order) await taken(next, order);
    else if (userErrors.some(({ code, path }) => code === "DUPLICATE" && path?.at(-1) === "externalId")) await found(key, next);
    else await db.outbox.update(next.key, { state: "refused", problems: userErrors });
  }
}

/** `idempotencyKey`: a repeat within two days gets the first answer. `externalId`: after that, none can become a second order. */
const inputOf = ({ key, at, customer, lines, allowBackorder = false }) => ({
  customer: { id: customer.id },
  lineItems: lines.map(({ product, quantity }) => ({ product: { id: product.id }, quantity })),
  placedAt: new Date(at).toISOString(),
  confirm: true,
  allowBackorder,
  externalId: `pad-${key}`,
  idempotencyKey: key,
});

async function found(key, next) {
  const { order } = await ask(key, ORDER_BY_KEY, { externalId: `pad-${next.key}` });
  if (order) await taken(next, order);
}

/** The server has it. It goes when the copy has it, too (copy.js), so that it is never missing in between. */
const taken = (next, order) =>
  db.transaction("rw", db.outbox, db.orders, async () => {
    await db.orders.put({ ...order, round: "answer" });
    await db.outbox.update(next.key, { state: "taken", number: order.number });
  });
