// What there is to show of a subscription: where it stands, how much has come, and the newest of it.

export const SHOWN = 20; // results

export const BEGUN = { state: "connecting", count: 0, resumed: 0, resynced: 0, results: [], error: "" };

/** What it is after something happened (follow.js). */
export function after(live, event, now = new Date()) {
  switch (event.type) {
    case "connecting":
      return { ...live, state: event.again ? "away" : "connecting" };
    case "lost":
      return { ...live, state: "away" };
    case "resync":
      return { ...live, state: "away", resynced: live.resynced + 1 };
    case "ended":
      return { ...live, state: event.error ? "failed" : "ended", error: event.error ?? "" };
    default: {
      const resumed = live.resumed + (event.resumed ? 1 : 0);
      const count = live.count + 1;
      const results = [{ number: count, at: now, size: event.size, result: event.result }, ...live.results].slice(0, SHOWN);
      return { ...live, state: "live", count, resumed, results };
    }
  }
}

const times = (number) => (number === 1 ? "once" : `${number} times`);

/** Where it stands, as a sentence. */
export function sentence({ state, resumed, resynced, error }) {
  if (state === "failed") return error;
  if (state === "connecting") return "Connecting…";
  if (state === "away") return "The connection is lost. Trying again, from the last cursor.";
  const gap = resynced
    ? ` The last cursor's place was gone: it began again from now (${times(resynced)}). Read the lists again for what happened in between.`
    : "";
  if (state === "ended") return `Ended.${gap}`;
  if (gap) return `Live.${gap}`;
  return resumed ? `Live again: resumed ${times(resumed)} from the last cursor, nothing is missing.` : "Live: results come as they happen.";
}
