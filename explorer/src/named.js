import { parse } from "graphql";

/** Without the name of an operation that the document hasn't: for a moment GraphiQL keeps the last tab's. */
export function named(body) {
  try {
    const names = parse(body.query).definitions.map((definition) => definition.name?.value);
    return names.includes(body.operationName) ? body : { ...body, operationName: undefined };
  } catch {
    return body;
  }
}
