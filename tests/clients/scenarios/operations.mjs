// The operations' documents and variables, and what to do with each: print all the data that a client gets for them.
import { readdirSync, readFileSync } from "node:fs";

/** `run(name, document, variables)` promises an operation's data. */
export async function printAll(run) {
  const answers = {};
  for (const file of readdirSync("operations").filter((each) => each.endsWith(".graphql"))) {
    const name = file.replace(".graphql", "");
    const variables = JSON.parse(readFileSync(`operations/${name}.json`, "utf8"));
    answers[name] = await run(name, readFileSync(`operations/${file}`, "utf8"), variables);
  }
  console.log(JSON.stringify(answers));
}
