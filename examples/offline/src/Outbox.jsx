import { drop, retake } from "./outbox";
import { moment } from "./format";
import { sync } from "./sync";

const STATES = { waiting: "Waits to be sent", taken: "Sent", refused: "Refused" };

function Entry({ entry }) {
  const { key, at, state, number, customer, lines, problems } = entry;
  const later = async () => {
    await retake(entry, { allowBackorder: true });
    sync();
  };
  return (
    <li className={state}>
      <p>
        <b>{STATES[state]}{number && `: ${number}`}</b> · {customer.name} · <time>{moment(at)}</time>
      </p>
      <p className="quiet">{lines.map(({ product, quantity }) => `${quantity} × ${product.name}`).join(", ")}</p>
      {problems?.map(({ message }, place) => <p key={place} className="fault">{message}</p>)}
      {state === "refused" && (
        <p className="buttons">
          {problems.every(({ code }) => code === "INSUFFICIENT_STOCK") && (
            <button onClick={later}>Let what is short arrive later</button>
          )}
          <button onClick={() => drop(key)}>Drop it</button>
        </p>
      )}
    </li>
  );
}

/** What was taken here and isn't in the copy yet. */
export function Outbox({ entries }) {
  if (!entries.length) return null;
  return (
    <section className="card outbox" aria-labelledby="outbox">
      <h2 id="outbox">Outbox</h2>
      <ul>{entries.map((entry) => <Entry key={entry.key} entry={entry} />)}</ul>
    </section>
  );
}
