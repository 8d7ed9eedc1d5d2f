import { createClient } from "./client.js";
import { ORDERS } from "./documents.js";

const client = createClient(process.env.ERPGRAPH_URL, process.env.ERPGRAPH_KEY);
const query = { query: ORDERS, variables: { first: 3 } };
const list = client.watchQuery(query);
list.subscribe(({ data }) => data && console.log(...data.orders.edges.map(({ node }) => node.number)));

// The cache merges the second page with the first: the list has three orders, then six.
const { data } = await client.query(query);
await list.fetchMore({ variables: { after: data.orders.pageInfo.endCursor } });
