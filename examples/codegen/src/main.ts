import { execute } from "./execute.js";
import { graphql } from "./graphql/index.js";

const OrderPage = graphql(`
  query OrderPage($first: Int!, $status: OrderStatus!) {
    orders(first: $first, where: { status: { eq: $status } }) {
      nodes {
        number
        placedAt
        total {
          amount
          currency
        }
      }
    }
  }
`);

const { ERPGRAPH_URL: url = "", ERPGRAPH_KEY: key = "" } = process.env;
const { orders } = await execute(url, key, OrderPage, { first: 3, status: "CONFIRMED" });
for (const { number, placedAt, total } of orders.nodes) console.log(number, placedAt, total.amount, total.currency);
