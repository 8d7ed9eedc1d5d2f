// The copy: read once as lists, then kept by the feed. Whatever breaks off in the middle is begun again from where the copy stands,
// since telling a record twice does no harm.
import { db, get, set } from "./db";
import { BEGIN, FOLLOW, LISTS } from "./documents";
import { ask, Refused } from "./graph";

const TABLES = { PRODUCT: db.products, PARTNER: db.partners, ORDER: db.orders };

/** Bring the copy up to date. */
export async function follow(key) {
  for (;;) {
    if (!(await get("cursor"))) await copyAll(key);
    try {
      return await followOn(key);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "RESYNC_REQUIRED") throw error;
      // Away for longer than the feed is kept, or the database was restored: what changed can't be told any more.
      await set("cursor", null);
    }
  }
}

/** First the place, then the lists: what changes while they are read is told again from there. */
async function copyAll(key) {
  const { changes } = await ask(key, BEGIN);
  for (const kind of Object.keys(LISTS)) await copyList(key, kind);
  await set("cursor", changes.cursor);
}

/** A list from its first page to its last. What isn't in it any more is dropped. */
async function copyList(key, kind) {
  const table = TABLES[kind];
  const round = crypto.randomUUID();
  for (let after = null, more = true; more; ) {
    const { page } = await ask(key, LISTS[kind], { after });
    await table.bulkPut(page.nodes.map((row) => ({ ...row, round })));
    [after, more] = [page.pageInfo.endCursor, page.pageInfo.hasNextPage];
  }
  await table.where("round").notEqual(round).delete();
}

/** Batch after batch to the end of the feed. A batch and its cursor are stored together, or not at all. */
async function followOn(key) {
  for (let more = true; more; ) {
    // Orders that were taken before the feed is asked are in what it tells: once it is read to its end, the copy has them.
    const taken = await db.outbox.filter(({ state }) => state === "taken").primaryKeys();
    const { changes: batch } = await ask(key, FOLLOW, { after: await get("cursor") });
    for (const kind of new Set(batch.reload.map((each) => (each === "STOCK_LEVEL" ? "PRODUCT" : each)))) await copyList(key, kind);
    await db.transaction("rw", db.tables, async () => {
      for (const change of batch.changes) await apply(change);
      await set("cursor", batch.cursor);
      if (!batch.hasMore) {
        await db.outbox.bulkDelete(taken);
        await set("copiedAt", Date.now());
      }
    });
    more = batch.hasMore;
  }
}

async function apply({ kind, id, gone, node }) {
  if (kind === "STOCK_LEVEL") {
    if (node) await db.products.update(node.product.id, { stock: node.product.stock });
  } else if (gone) {
    await TABLES[kind].delete(id);
  } else if (node) {
    const { __typename, ...row } = node;
    await TABLES[kind].put({ ...row, round: "feed" });
  }
}
