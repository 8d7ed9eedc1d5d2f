import { useEditorContext } from "@graphiql/react";
import { useEffect, useState } from "react";
import { linkTo } from "./link.js";
import { bodyOf, LANGUAGES } from "./snippets.js";

/** Above the editor: the key and whose it is, a link to share, and the query as a program sends it. */
export function Bar({ apiKey, onKey, viewer, trouble, hasSchema }) {
  const { queryEditor, variableEditor, responseEditor } = useEditorContext();
  const ready = hasSchema && queryEditor && variableEditor && responseEditor;
  const [said, setSaid] = useState("");

  // CodeMirror takes the Tab key for itself: a person without a mouse could never leave. Completions still take it first.
  useEffect(() => {
    const leave = { Tab: false, "Shift-Tab": false };
    const editors = [queryEditor, variableEditor, responseEditor].filter(Boolean);
    for (const editor of editors) editor.addKeyMap(leave);
    return () => editors.forEach((editor) => editor.removeKeyMap(leave));
  }, [queryEditor, variableEditor, responseEditor]);

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

  async function copy(language) {
    try {
      const body = bodyOf(queryEditor?.getValue() ?? "", variableEditor?.getValue() ?? "", queryEditor?.operationName);
      await navigator.clipboard.writeText(LANGUAGES[language](body));
      setSaid(`Copied as ${language}; it reads the key from ERPGRAPH_KEY.`);
    } catch (error) {
      setSaid(error instanceof SyntaxError ? "The variables aren't JSON." : "This browser doesn't let the page copy.");
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
      <select aria-label="Copy as" value="" onChange={(event) => copy(event.target.value)}>
        <option value="" disabled>
          Copy as…
        </option>
        {Object.keys(LANGUAGES).map((language) => (
          <option key={language}>{language}</option>
        ))}
      </select>
      <span id="bar-says" role="status" className={trouble ? "trouble" : ""}>
        {trouble || said || (ready ? "Ctrl-Enter runs, Tab leaves an editor. The key stays in this tab." : "Loading…")}
      </span>
      {viewer && (
        <details className="viewer">
          <summary>
            {viewer.tenant.name} · {viewer.principal}
          </summary>
          <p>{viewer.permissions.length ? viewer.permissions.join(", ") : "This key has no permissions."}</p>
        </details>
      )}
    </header>
  );
}
