// The operations through urql and graphcache, each with a cache of its own.
import { readFileSync } from "node:fs";

import { printAll } from "./operations.mjs";
import { key, url } from "./plain.mjs";
import { createClient } from "./src/client.js";

const schema = JSON.parse(readFileSync("src/schema.json", "utf8"));
await printAll(async (name, document, variables) => {
  const client = createClient(url, key, schema);
  const { data, error } = name.endsWith("Query")
    ? await client.query(document, variables)
    : await client.mutation(document, variables);
  if (error) throw error;
  return data;
});
