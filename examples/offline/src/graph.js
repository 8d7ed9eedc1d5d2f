// One request to the graph. What can go wrong is of three kinds: no answer, so that nobody knows; a refusal; an answer with errors.

/** Nobody knows whether it was done: the same is to be sent again, after `wait` seconds where the server said so. */
export class NoAnswer extends Error {
  constructor(message, wait) {
    super(message);
    this.wait = wait;
  }
}

/** The server has refused it, and will again: `code` says why. */
export class Refused extends Error {
  constructor({ message, extensions }) {
    super(message);
    this.code = extensions?.code ?? "REFUSED";
  }
}

const PASSES = new Set(["UNAVAILABLE", "TIMEOUT", "THROTTLED", "INTERNAL_SERVER_ERROR"]);
const WITHIN = 20_000; // milliseconds

export async function ask(key, query, variables = {}) {
  let status, wait, answer;
  try {
    const came = await fetch(document.querySelector("meta[name=graph]").content, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(WITHIN),
    });
    status = came.status;
    wait = Number(came.headers.get("retry-after")) || undefined;
    answer = await came.json();
  } catch {
    throw new NoAnswer(status ? `The server's answer (${status}) broke off.` : "The server can't be reached.", wait);
  }
  const [error] = answer.errors ?? [];
  if (!error) return answer.data;
  if (status >= 500 || PASSES.has(error.extensions?.code)) throw new NoAnswer(error.message, wait);
  throw new Refused(error);
}
