// Links that share a query: in the fragment, which no browser sends to a server; the key is never in it.

export function linked() {
  const given = new URLSearchParams(location.hash.slice(1));
  const query = given.get("query");
  return query ? { query, variables: given.get("variables") ?? "" } : null;
}

export function linkTo(query, variables) {
  const parts = new URLSearchParams({ query });
  if (variables.trim()) parts.set("variables", variables);
  return `${location.origin}${location.pathname}#${parts}`;
}
