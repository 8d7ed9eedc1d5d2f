import { readFileSync } from "node:fs";

import { createClient } from "./client.js";
import { ORDERS } from "./documents.js";

const schema = JSON.parse(readFileSync(new URL("schema.json", import.meta.url), "utf8"));
const client = createClient(process.env.ERPGRAPH_URL, process.env.ERPGRAPH_KEY, schema);
const first = await client.query(ORDERS, { first: 3 });

// The answer to the second page's query has the first page, too: graphcache merges them.
const { data } = await client.query(ORDERS, { first: 3, after: first.data.orders.pageInfo.endCursor });
for (const { node } of data.orders.edges) console.log(node.number, node.note ?? "");
