import { useState } from "react";

import { forget, get, set } from "./db";
import { VIEWER } from "./documents";
import { ask } from "./graph";
import { sync } from "./sync";

/** Asks for a key. It is kept on this device beside the copy, since an order is to be sent though nobody is looking. */
export function Key() {
  const [said, say] = useState("");

  async function submit(event) {
    event.preventDefault();
    const key = new FormData(event.target).get("key").trim();
    if (!key) return say("Put a key in first.");
    say("One moment…");
    try {
      const { viewer } = await ask(key, VIEWER);
      const before = await get("tenant");
      if (before && before !== viewer.tenant.id) await forget(); // another company's copy is none of this key's business
      await set("tenant", viewer.tenant.id);
      await set("trouble", null);
      await set("key", key);
      await navigator.storage?.persist?.(); // the browser isn't to throw the outbox away when it wants room
      sync();
    } catch (error) {
      say(error.code === "UNAUTHENTICATED" ? "This key isn't known here, or it has ended." : error.message);
    }
  }

  return (
    <form onSubmit={submit} className="card gate">
      <label htmlFor="key">API key</label>
      <input id="key" name="key" type="password" placeholder="erp_…" autoComplete="off" spellCheck={false} aria-describedby="said" />
      <button className="main">Open</button>
      <p id="said" role="alert" className="quiet">
        {said || "A key of this device's own, which can be revoked when the device is lost. It stays here until you forget the device."}
      </p>
    </form>
  );
}
