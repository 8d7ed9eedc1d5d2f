import { count } from "./count.js";
import { Height } from "./Height.jsx";

const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/** Beside the result: what the query cost, and what ran. */
export function Panel({ answer }) {
  if (!answer) return <section className="panel quiet">Run a query: its cost and its plan come here.</section>;
  const cost = answer.extensions?.cost ?? answer.errors?.find((error) => error.extensions?.cost)?.extensions.cost;
  const plan = answer.extensions?.plan;
  return (
    <>
      <Height />
      <section className="panel" aria-label="Cost and plan" tabIndex={0}>
        {answer.status && (
          <p className="transport">
            <b>HTTP {answer.status}</b>
            {answer.size !== undefined && <> · {count(answer.size, "byte")}</>} · {ms(answer.milliseconds)}
          </p>
        )}
        {answer.errors?.length > 0 && <p role="alert">{answer.errors[0].message}</p>}
        {cost && <Cost cost={cost} />}
        {plan && <Plan plan={plan} milliseconds={answer.milliseconds} />}
      </section>
    </>
  );
}

function Cost({ cost }) {
  const over = cost.requested > cost.limit;
  return (
    <p className={over ? "cost over" : "cost"}>
      <b>Cost</b> may read <b>{count(cost.requested, "object")}</b> of {cost.limit.toLocaleString("en")}
      <span className="track" aria-hidden="true">
        <i style={{ insetInlineStart: 0, width: `${Math.min((cost.requested / cost.limit) * 100, 100)}%` }} />
      </span>
      {cost.actual !== undefined && <> · read {cost.actual.toLocaleString("en")}</>}
      {cost.remaining !== undefined && <> · {cost.remaining.toLocaleString("en")} left in the budget</>}
      {cost.restoreRate !== undefined && <>, {cost.restoreRate.toLocaleString("en")} more each second</>}
      {over && <> — too expensive</>}
    </p>
  );
}

/** A waterfall: the levels as a tree, each statement a bar where it ran, one after the other. */
function Plan({ plan, milliseconds }) {
  const { totals } = plan;
  const whole = Math.max(totals.sqlMilliseconds, 0.001);
  let at = 0;
  const levels = plan.levels.map((level) => ({
    ...level,
    batches: level.batches.map((batch) => {
      const placed = { ...batch, from: (at / whole) * 100, width: Math.max((batch.milliseconds / whole) * 100, 0.5) };
      at += batch.milliseconds;
      return placed;
    }),
  }));
  return (
    <div className="plan">
      <p>
        <b>Plan</b> <b>{count(totals.statements, "statement")}</b> · {count(totals.rows, "row")} · SQL{" "}
        {ms(totals.sqlMilliseconds)} · Python {ms(totals.pythonMilliseconds)} · in all {ms(milliseconds)}
        {plan.levels[0]?.type === "Mutation" && <small> (what was read for the answer; not the change itself)</small>}
      </p>
      <ol>
        {levels.map((level, index) => (
          <Level key={index} level={level} />
        ))}
      </ol>
    </div>
  );
}

function Level({ level }) {
  const steps = level.path ? level.path.split(".") : [];
  return (
    <li>
      <div className="level" style={{ paddingInlineStart: `${steps.length * 0.9}rem` }}>
        <b>{steps.at(-1) ?? level.type ?? "all"}</b>{" "}
        <small>
          {level.type} × {level.objects.toLocaleString("en")}
        </small>
      </div>
      {level.batches.map((batch, index) => (
        <details key={index}>
          <summary>
            <span style={{ paddingInlineStart: `${(steps.length + 1) * 0.9}rem` }}>
              {batch.loader} <small>{count(batch.keys, "key")} → {count(batch.rows, "row")}</small>
            </span>
            <span className="track" aria-hidden="true">
              <i style={{ insetInlineStart: `${Math.min(batch.from, 99.5)}%`, width: `${batch.width}%` }} />
            </span>
            <span className="time">{ms(batch.milliseconds)}</span>
          </summary>
          <pre>{batch.statement}</pre>
        </details>
      ))}
    </li>
  );
}
