// node src/schema.js SCHEMA.graphql SCHEMA.json: what graphcache wants to know of the schema.
import { readFileSync, writeFileSync } from "node:fs";

import { minifyIntrospectionQuery } from "@urql/introspection";
import { buildSchema, introspectionFromSchema } from "graphql";

const [from, to] = process.argv.slice(2);
const schema = introspectionFromSchema(buildSchema(readFileSync(from, "utf8")));
writeFileSync(to, JSON.stringify(minifyIntrospectionQuery(schema)));
