import { useEffect, useRef, useState } from "react";
import { storage } from "./kept.js";
import { step } from "./reach.js";

const KEPT = "graphiql:planHeight";
const LEAST = 60; // pixels

/** The edge between a result and its plan: dragged, or moved by the arrow keys; Enter and a double click let it find its place. */
export function Height() {
  const edge = useRef(null);
  const [height, setHeight] = useState(() => Number(storage.getItem(KEPT)) || null);
  const [share, setShare] = useState(50);
  const footer = () => edge.current.closest(".graphiql-footer");
  const room = () => footer().parentElement.getBoundingClientRect().height;
  const set = (to) => setHeight(to && Math.round(Math.min(Math.max(to, LEAST), room() - LEAST)));

  useEffect(() => {
    footer().style.height = height ? `${height}px` : "";
    footer().style.maxHeight = height ? `calc(100% - ${LEAST}px)` : "";
    if (height) storage.setItem(KEPT, String(height));
    else storage.removeItem(KEPT);
    setShare(Math.round((1 - footer().getBoundingClientRect().height / (room() || 1)) * 100));
  }, [height]);

  const from = (event) => footer().getBoundingClientRect().bottom - event.clientY;
  return (
    <div
      ref={edge}
      className="separator edge"
      role="separator"
      tabIndex={0}
      aria-orientation="horizontal"
      aria-label="Height of the result"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share}
      onKeyDown={(event) => {
        const by = step(event, false);
        if (by === undefined) return;
        event.preventDefault();
        set(by === null ? null : footer().getBoundingClientRect().height - by);
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && set(from(event))}
      onDoubleClick={() => set(null)}
    />
  );
}
