// One request to the graph, and what to say where it goes wrong.

export const SAY = {
  401: "This key isn't known here, or it has ended. Put a key of yours into the field API key; in development, " +
    "the server prints keys at its start, on the lines that begin with “key”.",
};

export const problem = (message, code) => ({ errors: [{ message, extensions: { code } }] });

const encoder = new TextEncoder();
export const sizeOf = (text) => encoder.encode(text).length;

/** The answer, and of its transport the status and the size in bytes (uncompressed), where one came. */
export async function exchange(body, key) {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json;q=0.9",
    "x-explain": "1",
  };
  if (key) headers.authorization = `Bearer ${key}`;
  // A field that this key may not see is null with its error, and the rest of the answer stands.
  const request = JSON.stringify({ onError: "NULL", ...body });
  let answer, size;
  const came = (found) => ({ found, status: answer?.status, size });
  try {
    answer = await fetch("/graphql", {
      method: "POST", headers, body: request, credentials: "omit", cache: "no-store",
    });
    const text = await answer.text();
    size = sizeOf(text);
    const found = JSON.parse(text);
    if (answer.status === 401 && !key) return came(problem("Put an API key into the field above first.", "UNAUTHENTICATED"));
    const say = SAY[answer.status];
    return came(say ? { ...found, ...problem(say, found.errors?.[0]?.extensions?.code) } : found);
  } catch {
    if (answer) return came(problem(`The server's answer (${answer.status}) broke off or isn't GraphQL's.`, "NO_ANSWER"));
    return came(problem(
      `The server at ${location.host} went away before it answered, or can't be reached. ` +
        "A query can be run again; look before you repeat a mutation that has no idempotencyKey.",
      "SERVER_GONE",
    ));
  }
}

export const ask = async (body, key) => (await exchange(body, key)).found;
