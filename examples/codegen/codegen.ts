import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: ["src/**/*.ts", "!src/graphql/**"],
  importExtension: ".js",
  generates: {
    "src/graphql/": {
      preset: "client",
      config: {
        documentMode: "string",
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: {
          CurrencyCode: "string",
          Date: "string",
          DateTime: "string",
          Decimal: "string",
          JSON: "unknown",
          TimeZone: "string",
        },
      },
    },
  },
};

export default config;
