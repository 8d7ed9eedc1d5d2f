import { useState } from "react";

import { VIEWER } from "./documents";
import { connect } from "./graph";
import { Flower } from "./Picture";
import { sentence } from "./sentences";

/** Asks for the key, and tries it before it lets anybody in. */
export function Key({ onKey }) {
  const [said, say] = useState("");
  const [trying, setTrying] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const key = new FormData(event.target).get("key").trim();
    if (!key) return say("Put a key in first.");
    setTrying(true);
    const { error } = await connect(key).query(VIEWER, {}).toPromise();
    setTrying(false);
    if (!error) return onKey(key);
    say(sentence(error));
  }

  return (
    <main className="gate">
      <form onSubmit={submit} className="card">
        <Flower />
        <h1>Come in</h1>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          name="key"
          type="password"
          placeholder="erp_…"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          aria-invalid={Boolean(said)}
          aria-describedby="key-said"
        />
        <p id="key-said" role="status" className={said ? "fault" : "quiet"}>
          {said || "“make serve” prints one for each company. It is kept for this tab only."}
        </p>
        <button className="main" disabled={trying}>
          {trying ? "Trying it…" : "Open the shop"}
        </button>
      </form>
    </main>
  );
}
