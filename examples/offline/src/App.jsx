import { useLiveQuery } from "dexie-react-hooks";
import { useSyncExternalStore } from "react";

import { db, forget } from "./db";
import { moment } from "./format";
import { Key } from "./Key";
import { Outbox } from "./Outbox";
import { Orders } from "./Orders";
import { Pad } from "./Pad";

const follow = (listener) => {
  for (const each of ["online", "offline"]) addEventListener(each, listener);
  return () => ["online", "offline"].forEach((each) => removeEventListener(each, listener));
};
const useOnline = () => useSyncExternalStore(follow, () => navigator.onLine);

/** What there is to say of the copy, and whether it is up to date. */
function standing({ online, trouble, cursor, copiedAt }) {
  const of = copiedAt ? ` This is as of ${moment(copiedAt)}.` : "";
  if (!online) return ["off", `Offline.${of}`];
  if (trouble) return ["off", `${trouble.message}${of}`];
  if (!cursor) return ["on", "Copying…"];
  return ["on", "Up to date."];
}

function Header({ state, waiting }) {
  const [mood, sentence] = standing(state);
  const leave = () => {
    if (!waiting || confirm(`${waiting} orders aren't sent, and would be lost. Forget everything on this device?`)) forget();
  };
  return (
    <header className="top">
      <h1>Order pad</h1>
      <p className={`standing ${mood}`} role="status">{sentence}</p>
      {state.key && <button className="plain" onClick={leave}>Forget this device</button>}
    </header>
  );
}

export function App() {
  const online = useOnline();
  const meta = useLiveQuery(async () => Object.fromEntries((await db.meta.toArray()).map(({ name, value }) => [name, value])));
  const outbox = useLiveQuery(() => db.outbox.orderBy("at").toArray());
  if (!meta || !outbox) return null;
  const waiting = outbox.filter(({ state }) => state !== "taken").length;
  return (
    <>
      <Header state={{ ...meta, online }} waiting={waiting} />
      <main>
        {(!meta.key || meta.trouble?.code === "UNAUTHENTICATED") && <Key />}
        {meta.key && (
          <>
            <Outbox entries={outbox} />
            <Pad outbox={outbox} />
            <Orders />
          </>
        )}
      </main>
    </>
  );
}
