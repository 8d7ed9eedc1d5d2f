// The audits of GraphQL over HTTP, one line each. Ends with 1 where one isn't passed.
import { serverAudits } from "graphql-http";

const [url, key] = [process.env.ERPGRAPH_URL, process.env.ERPGRAPH_KEY];
const headers = { Authorization: `Bearer ${key}` };
const fetchFn = (input, init) => fetch(input, { ...init, headers: { ...init?.headers, ...headers } });
const audits = serverAudits({ url, fetchFn });
const failed = [];
for (const audit of audits) {
  const result = await audit.fn();
  console.log(`${audit.id} ${result.status.padEnd(6)} ${audit.name}${result.reason ? `: ${result.reason}` : ""}`);
  if (result.status !== "ok") failed.push(audit.id);
}
console.log(`${audits.length - failed.length} of ${audits.length} audits passed`);
process.exitCode = failed.length > 0 ? 1 : 0;
