// Relay's rules for a schema. Lists needn't be of edges: `nodes` stands beside `edges`, and paths and permissions are lists of text.
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: process.env.SCHEMA } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      "@graphql-eslint/relay-arguments": "error",
      "@graphql-eslint/relay-connection-types": "error",
      "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
      "@graphql-eslint/relay-page-info": "error",
    },
  },
];
