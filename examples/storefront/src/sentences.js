// What went wrong, as a sentence that helps.

export function codeOf(error) {
  const [first] = error.graphQLErrors;
  if (first?.extensions?.code) return first.extensions.code;
  return error.response?.status === 429 ? "THROTTLED" : "NO_ANSWER";
}

const SENTENCES = {
  NO_ANSWER: () => "The server can't be reached. Look whether it runs, and whether you are online; then try again.",
  UNAUTHENTICATED: () =>
    "This key isn't known here, or it has ended. “make serve” prints new ones at each start, on the lines that " +
    "begin with “key”.",
  THROTTLED: (_, wait) =>
    `That was too much at once. Try again in ${wait === "1" ? "a second" : wait ? `${wait} seconds` : "a minute"}.`,
  UNAVAILABLE: () => "The server is busy at the moment. Try again in a few seconds.",
  TIMEOUT: () => "The server took too long. Try again in a few seconds.",
  FORBIDDEN: (first) => `This key isn't allowed to do that. ${first.message}`,
  INTERNAL_SERVER_ERROR: (first) =>
    `The server has a fault. Whoever runs it finds it in the log by ${first.extensions.requestId}.`,
};

export function sentence(error) {
  const [first] = error.graphQLErrors;
  const say = SENTENCES[codeOf(error)];
  return say ? say(first, error.response?.headers.get("retry-after")) : first.message;
}
