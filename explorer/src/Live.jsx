import { useExecutionContext } from "@graphiql/react";
import { count } from "./count.js";
import { Height } from "./Height.jsx";
import { sentence } from "./live.js";

const OVER = new Set(["ended", "failed"]);

/** Beside a subscription's newest result: where it stands, how much has come, and what came before. */
export function Live({ live }) {
  const { run, stop } = useExecutionContext({ nonNull: true });
  const over = OVER.has(live.state);
  return (
    <>
      <Height />
      <section className="panel live" aria-label="Subscription" tabIndex={0}>
        <p className={`standing ${live.state}`}>
          <button type="button" onClick={over ? run : stop}>
            {over ? "Follow again" : "Stop"}
          </button>
          <b>{count(live.count, "result")}</b>
          <span role="status">{sentence(live)}</span>
        </p>
        {live.results.length > 0 && (
          <ol reversed aria-label="Results, the newest first">
            {live.results.map((each) => (
              <Result key={each.number} {...each} />
            ))}
          </ol>
        )}
      </section>
    </>
  );
}

function Result({ number, at, size, result }) {
  return (
    <li value={number}>
      <details>
        <summary>
          <time dateTime={at.toISOString()}>{at.toLocaleTimeString()}</time> {what(result)}
          {size !== undefined && <small> {count(size, "byte")}</small>}
        </summary>
        <pre>{JSON.stringify(result, null, 2)}</pre>
      </details>
    </li>
  );
}

/** What a result has, in a word or two: its errors, how many there are in its list, or what it is. */
function what({ data, errors }) {
  if (!data) return errors ? count(errors.length, "error") : "nothing";
  const [[field, found]] = Object.entries(data);
  const list = Object.values(found ?? {}).find((value) => Array.isArray(value) && value.length);
  if (list) return count(list.length, field === "eventFeed" ? "event" : "change");
  return found && !("cursor" in found) ? field : "no news";
}
