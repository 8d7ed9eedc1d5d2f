// The operations through Apollo Client and its cache, each with a cache of its own.
import { gql } from "@apollo/client";

import { printAll } from "./operations.mjs";
import { key, url } from "./plain.mjs";
import { createClient } from "./src/client.js";

await printAll(async (name, document, variables) => {
  const client = createClient(url, key);
  const { data } = name.endsWith("Query")
    ? await client.query({ query: gql(document), variables })
    : await client.mutate({ mutation: gql(document), variables });
  return data;
});
