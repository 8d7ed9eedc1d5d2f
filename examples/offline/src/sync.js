// When to send and follow: at the start, when the network is back, when something was taken, and every few seconds while all is well.
import { follow } from "./copy";
import { get, set } from "./db";
import { NoAnswer } from "./graph";
import { send } from "./outbox";

const EVERY = 10_000; // milliseconds
let timer;
let busy = false;
let again = false;

/** Do it now, or as soon as what is under way is done. Where another tab is about it, that does the same for this one. */
export async function sync() {
  again = busy;
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  const wait = await navigator.locks.request("sync", { ifAvailable: true }, (lock) => lock && round());
  busy = false;
  timer = setTimeout(sync, again ? 0 : (wait ?? EVERY));
}

async function round() {
  const key = await get("key");
  if (!key) return undefined;
  try {
    await send(key);
    await follow(key);
    await set("trouble", null);
    return undefined;
  } catch (error) {
    await set("trouble", { message: error.message, code: error.code ?? null, away: error instanceof NoAnswer });
    return error.wait && error.wait * 1000;
  }
}

export function begin() {
  addEventListener("online", sync);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && sync());
  sync();
}
