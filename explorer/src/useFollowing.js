import { useCallback, useEffect, useRef, useState } from "react";
import { follow } from "./follow.js";
import { after, BEGUN } from "./live.js";

/**
 * The one subscription that runs: ``live`` is where it stands, null where there is none to show; ``subscription`` makes an observable
 * of a body, which is what GraphiQL takes; ``leave`` ends it, and shows it no more. ``key`` holds the latest API key.
 */
export function useFollowing(key) {
  const [live, setLive] = useState(null);
  const running = useRef(null);
  const leave = useCallback(() => {
    running.current?.abort();
    running.current = null;
    setLive(null);
  }, []);
  useEffect(() => leave, [leave]);
  const subscription = useCallback((body) => ({
    subscribe(sink) {
      const control = (running.current = new AbortController());
      let now = BEGUN;
      const report = (event) => {
        now = after(now, event);
        if (running.current === control) setLive(now);
        if (event.type === "result") sink.next(event.result);
        if (event.type === "ended") sink.complete();
      };
      follow(body, key.current, report, control.signal).catch((error) => report({ type: "ended", error: String(error) }));
      return { unsubscribe: () => control.abort() };
    },
  }), [key]);
  return { live, subscription, leave };
}
