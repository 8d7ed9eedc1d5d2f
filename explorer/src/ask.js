// One request to the graph, and what to say where it goes wrong.

const SAY = {
  401: "This key isn't known here, or it has ended. Put a key of yours into the field API key; in development, " +
    "the server prints keys at its start, on the lines that begin with “key”.",
};

const problem = (message, code) => ({ errors: [{ message, extensions: { code } }] });

export async function ask(body, key) {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json;q=0.9",
    "x-explain": "1",
  };
  if (key) headers.authorization = `Bearer ${key}`;
  // A field that this key may not see is null with its error, and the rest of the answer stands.
  const request = JSON.stringify({ onError: "NULL", ...body });
  let answer;
  try {
    answer = await fetch("/graphql", {
      method: "POST", headers, body: request, credentials: "omit", cache: "no-store",
    });
    const found = await answer.json();
    if (answer.status === 401 && !key) return problem("Put an API key into the field above first.", "UNAUTHENTICATED");
    if (SAY[answer.status]) return { ...found, ...problem(SAY[answer.status], found.errors?.[0]?.extensions?.code) };
    return found;
  } catch {
    if (answer) return problem(`The server's answer (${answer.status}) broke off or isn't GraphQL's.`, "NO_ANSWER");
    return problem(
      `The server at ${location.host} went away before it answered, or can't be reached. ` +
        "A query can be run again; look before you repeat a mutation that has no idempotencyKey.",
      "SERVER_GONE",
    );
  }
}
