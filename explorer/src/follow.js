// A subscription by server-sent events: its batches as they come, and after a broken connection on from the last cursor, without a
// gap, whatever the document is. graphql-sse's client would do but for that: it doesn't pass on the events' ids, which are the cursors.

import { createParser } from "eventsource-parser";
import { getOperationAST, parse } from "graphql";
import { problem, SAY, sizeOf } from "./ask.js";

const SILENT = 75_000; // milliseconds without even a comment, of which one comes every 50 seconds: the connection is dead
const SOONEST = 500; // milliseconds before a connection is tried again; twice as many each time
const LATEST = 10_000;
const PASSES = new Set([429, 502, 503, 504]); // statuses after which it is worth to come back

class Lost extends Error {}

/**
 * Follow a subscription until it ends, the server refuses it, or ``signal`` stops it. ``report`` is called with what happens, by its ``type``:
 * ``connecting`` (``again``: not for the first time), ``result`` (with the answer, its ``size`` in bytes, and whether it is the
 * first one after a lost connection), ``lost``, ``resync`` (the place is gone: it begins from now), ``ended`` (with an ``error``).
 */
export async function follow(body, key, report, signal) {
  let cursor = null;
  let tries = 0;
  let asked = body;
  for (let again = false; ; again = true) {
    report({ type: "connecting", again });
    let last = null;
    try {
      const answer = await open(asked, key, cursor, signal);
      if (!isStream(answer)) return ended(await refusal(answer, again), report);
      let gone = false;
      for await (const { event, id, data } of events(answer)) {
        if (event === "complete") return report({ type: "ended", error: why(last) });
        const resumed = again && !last;
        last = JSON.parse(data);
        gone = Boolean(cursor) && last.errors?.[0]?.extensions?.code === "RESYNC_REQUIRED";
        if (gone) break;
        if (id) [cursor, tries] = [id, 0];
        report({ type: "result", result: last, size: sizeOf(data), resumed });
      }
      if (gone) {
        [cursor, asked] = [null, fromNow(body)];
        report({ type: "resync" });
        continue;
      }
    } catch (error) {
      if (signal.aborted) return report({ type: "ended" });
      if (!(error instanceof Lost)) throw error;
      if (!again && !last) return ended(problem(error.message, "SERVER_GONE"), report);
    }
    report({ type: "lost" });
    await pause(Math.min(SOONEST * 2 ** tries++, LATEST) * (0.75 + Math.random() / 2), signal);
    if (signal.aborted) return report({ type: "ended" });
  }
}

/** Why nothing follows: the errors of an answer without data. */
const why = (answer) => (answer && !answer.data ? answer.errors?.[0]?.message : undefined);

function ended(result, report) {
  report({ type: "result", result });
  report({ type: "ended", error: why(result) });
}

/** Whether the operation that is to run is a subscription. */
export function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}

const isStream = (answer) => (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");

async function open(body, key, cursor, signal) {
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  if (key) headers.authorization = `Bearer ${key}`;
  if (cursor) headers["last-event-id"] = cursor;
  const request = JSON.stringify({ onError: "NULL", ...body });
  try {
    return await fetch("/graphql/stream", {
      method: "POST", headers, body: request, signal, credentials: "omit", cache: "no-store",
    });
  } catch {
    throw new Lost(`The server at ${location.host} can't be reached.`);
  }
}

/** Why a stream wasn't begun, as an answer. Throws ``Lost`` where it is worth to come back. */
async function refusal(answer, again) {
  if (again && PASSES.has(answer.status)) throw new Lost(`The server answered ${answer.status}.`);
  try {
    const found = await answer.json();
    const say = SAY[answer.status];
    return say ? { ...found, ...problem(say, found.errors?.[0]?.extensions?.code) } : found;
  } catch {
    return problem(`The server's answer (${answer.status}) broke off or isn't GraphQL's.`, "NO_ANSWER");
  }
}

/** A stream's events, to its end. Throws ``Lost`` where it breaks, or falls silent. */
async function* events(answer) {
  const ready = [];
  const parser = createParser({ onEvent: (event) => ready.push(event) });
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function inTime(reading) {
  let timer;
  const silence = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Lost("The connection fell silent.")), SILENT);
  });
  try {
    return await Promise.race([reading, silence]);
  } catch (error) {
    throw error instanceof Lost ? error : new Lost("The connection broke.");
  } finally {
    clearTimeout(timer);
  }
}

/** Wait: less where the network comes back meanwhile, or where it is stopped. */
function pause(milliseconds, signal) {
  return new Promise((go) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      go();
    }
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

/** The same without the place that a variable gives it. */
function fromNow(body) {
  const { selectionSet } = getOperationAST(parse(body.query), body.operationName);
  const places = selectionSet.selections.flatMap(({ arguments: given = [] }) =>
    given.filter(({ name, value }) => name.value === "after" && value.kind === "Variable").map(({ value }) => value.name.value),
  );
  return { ...body, variables: { ...body.variables, ...Object.fromEntries(places.map((name) => [name, null])) } };
}
