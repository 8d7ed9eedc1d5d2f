// What is kept on this device: a copy of what the key may read, the orders that aren't sent yet, and where the copy stands.
import Dexie from "dexie";

export const db = new Dexie("order-pad");
db.version(1).stores({
  products: "id, name, round",
  partners: "id, name, round",
  orders: "id, placedAt, round",
  outbox: "key, at",
  meta: "name",
});

export const COPIED = [db.products, db.partners, db.orders];

/** A value of the copy's own: key, tenant, cursor, copiedAt, trouble. */
export const get = async (name) => (await db.meta.get(name))?.value;
export const set = (name, value) => db.meta.put({ name, value });

/** Leave nothing on this device. */
export const forget = () => db.transaction("rw", db.tables, () => Promise.all(db.tables.map((table) => table.clear())));
