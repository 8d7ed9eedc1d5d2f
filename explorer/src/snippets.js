import { isSubscription } from "./follow.js";
import { named } from "./named.js";

// The query as a program sends it. The key is read from the environment: no text that is pasted elsewhere holds it.

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
// A subscription's batches are server-sent events, each with its cursor as id: after a broken connection send the last one as Last-Event-ID.
const endpoint = (body) => `${location.origin}/graphql${isSubscription(body) ? "/stream" : ""}`;

const curl = (body) => `curl ${isSubscription(body) ? "-N " : ""}${shell(endpoint(body))} \\
  -H "authorization: Bearer $ERPGRAPH_KEY" \\
  -H 'content-type: application/json' \\
  --data-binary ${shell(JSON.stringify(body))}
`;

const javascript = (body) => `const answer = await fetch(${JSON.stringify(endpoint(body))}, {
  method: "POST",
  headers: { authorization: \`Bearer \${process.env.ERPGRAPH_KEY}\`, "content-type": "application/json" },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),
});
${isSubscription(body)
  ? "for await (const events of answer.body.pipeThrough(new TextDecoderStream())) console.log(events);"
  : "console.log(await answer.json());"}
`;

// JSON within a string that both languages read alike: Python has no true, false or null.
const python = (body) => `import json
import os

import httpx

body = json.loads(${JSON.stringify(JSON.stringify(body))})
headers = {"authorization": f"Bearer {os.environ['ERPGRAPH_KEY']}"}
${isSubscription(body)
  ? `with httpx.stream("POST", ${JSON.stringify(endpoint(body))}, json=body, headers=headers, timeout=30) as answer:
    for line in answer.iter_lines():
        print(line, flush=True)`
  : `print(httpx.post(${JSON.stringify(endpoint(body))}, json=body, headers=headers).json())`}
`;

export const LANGUAGES = { curl, JavaScript: javascript, Python: python };

/** What the editors hold, as a request's body; throws a SyntaxError where the variables aren't JSON. */
export function bodyOf(query, variables, operationName) {
  const body = { query };
  if (variables.trim()) body.variables = JSON.parse(variables);
  if (operationName) body.operationName = operationName;
  return named(body);
}
