import { useEditorContext } from "@graphiql/react";
import { useState } from "react";
import { linkTo } from "./link.js";

/** Above the editor: the key, and a link to share. */
export function Bar({ apiKey, onKey, trouble, hasSchema }) {
  const { queryEditor, variableEditor, responseEditor } = useEditorContext();
  const ready = hasSchema && queryEditor && variableEditor && responseEditor;
  const [said, setSaid] = useState("");

  async function share() {
    const link = linkTo(queryEditor?.getValue() ?? "", variableEditor?.getValue() ?? "");
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      setSaid("Link copied; the key isn't in it.");
    } catch {
      setSaid("The link is in the address bar; the key isn't in it.");
    }
  }

  return (
    <header className="bar">
      <strong>erpgraph</strong>
      <label>
        API key
        <input
          type="password"
          value={apiKey}
          onChange={(event) => onKey(event.target.value)}
          placeholder="erp_…"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={Boolean(trouble)}
          aria-describedby="bar-says"
        />
      </label>
      <button type="button" onClick={share}>
        Share
      </button>
      <span id="bar-says" role="status" className={trouble ? "trouble" : ""}>
        {trouble || said || (ready ? "Ctrl-Enter runs. The key stays in this tab." : "Loading…")}
      </span>
    </header>
  );
}
