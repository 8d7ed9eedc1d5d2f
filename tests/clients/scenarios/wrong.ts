// Wrong uses of a typed document, one a line: each must be refused by the compiler.
import { execute } from "./execute.js";
import { graphql } from "./graphql/index.js";

const Wrong = graphql(`
  query Wrong($number: String!) {
    order(by: { number: $number }) {
      id
      total {
        amount
      }
    }
  }
`);

const { order } = await execute("", "", Wrong, { number: "SO-2026-000001" });
console.log(order.id);
console.log(order?.number);
if (order) console.log(order.total.amount * 2);
await execute("", "", Wrong, { number: 1 });
await execute("", "", Wrong, {});
