import { Environment, Network, RecordSource, Store } from "relay-runtime";

/** Relay's environment for a graph at `url`. A refusal by HTTP has a GraphQL body too, so Relay sees its errors. */
export function createEnvironment(url, key) {
  const network = Network.create(async ({ text, name }, variables) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        Accept: "application/graphql-response+json",
        Authorization: `Bearer ${key}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return answer.json();
  });
  return new Environment({ network, store: new Store(new RecordSource()) });
}
