// The operations through Relay's network and store, each with a store of its own.
import relay from "relay-runtime";

import { createEnvironment } from "./build/environment.js";
import { printAll } from "./operations.mjs";
import { key, url } from "./plain.mjs";

await printAll(async (name, _document, variables) => {
  const { default: compiled } = await import(`./build/operations/${name}.js`);
  const environment = createEnvironment(url, key);
  if (name.endsWith("Query")) return relay.fetchQuery(environment, compiled.default, variables).toPromise();
  return new Promise((onCompleted, onError) =>
    relay.commitMutation(environment, { mutation: compiled.default, variables, onCompleted, onError }),
  );
});
