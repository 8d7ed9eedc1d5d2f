import { createClient } from "graphql-sse";
import { Environment, Network, Observable, RecordSource, Store } from "relay-runtime";

/** Relay's environment for a graph at `url`. A refusal by HTTP has a GraphQL body too, so Relay sees its errors. */
export function createEnvironment(url, key) {
  const headers = { Authorization: `Bearer ${key}` };
  const fetched = async ({ text, name }, variables) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/graphql-response+json", "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return answer.json();
  };
  // A stream that breaks is opened anew, and begins with how things are then.
  const streams = createClient({ url: `${url}/stream`, headers, retryAttempts: Infinity });
  const followed = ({ text, name }, variables) =>
    Observable.create((sink) => streams.subscribe({ query: text, operationName: name, variables }, sink));
  return new Environment({ network: Network.create(fetched, followed), store: new Store(new RecordSource()) });
}
