import { useEditorContext } from "@graphiql/react";
import { useEffect } from "react";
import { createPortal, flushSync } from "react-dom";
import { EXAMPLES, missing } from "./examples.js";
import { linkTo } from "./link.js";
import { useEditors, usePanels, useTabs } from "./reach.js";
import { bodyOf, LANGUAGES } from "./snippets.js";

const TAB = "graphiql-session-tab-"; // GraphiQL's ids

/** In the header: a link to the open query, the query as a program sends it, and the examples. */
export function Tools({ place, viewer, onSay, onReady }) {
  const { queryEditor, variableEditor, responseEditor, tabs, addTab, changeTab } = useEditorContext();
  const open = () => [queryEditor?.getValue() ?? "", variableEditor?.getValue() ?? ""];
  useEditors({ Query: queryEditor, Variables: variableEditor, Result: responseEditor });
  useTabs();
  usePanels();
  const ready = Boolean(queryEditor && variableEditor && responseEditor);
  useEffect(() => onReady(ready), [ready, onReady]);

  async function share() {
    const link = linkTo(...open());
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      onSay("Link copied; the key isn't in it.");
    } catch {
      onSay("The link is in the address bar; the key isn't in it.");
    }
  }

  async function copy(language) {
    try {
      await navigator.clipboard.writeText(LANGUAGES[language](bodyOf(...open(), queryEditor?.operationName)));
      onSay(`Copied as ${language}; it reads the key from ERPGRAPH_KEY.`);
    } catch (error) {
      onSay(error instanceof SyntaxError ? "The variables aren't JSON." : "This browser doesn't let the page copy.");
    }
  }

  function show(name) {
    const example = EXAMPLES.find((each) => each.name === name);
    const there = tabs.findIndex((tab) => tab.query === example.query);
    if (there >= 0) return changeTab(there);
    flushSync(addTab); // the editors hold the new tab's texts from here on
    queryEditor.setValue(example.query);
    variableEditor.setValue(example.variables);
  }

  const examples = EXAMPLES.filter(({ role }) => !role || viewer?.roles.includes(role)).map((each) => {
    const lacks = viewer ? missing(each, viewer) : [];
    return [each.name, lacks.length ? `needs ${lacks.join(", ")}` : ""];
  });
  const tools = (
    <>
      <button type="button" onClick={share}>
        Share
      </button>
      <Choice name="Copy as" onChoose={copy} options={Object.keys(LANGUAGES).map((language) => [language, ""])} />
      <Choice name="Examples" onChoose={show} options={examples} />
    </>
  );
  return (
    <>
      {createPortal(tools, place)}
      {tabs.length > 1 && <div role="tablist" aria-label="Open queries" aria-owns={tabs.map((_, at) => `${TAB}${at}`).join(" ")} />}
    </>
  );
}

/** A menu of things to do; those with a reason against them can't be chosen. */
function Choice({ name, onChoose, options }) {
  return (
    <select aria-label={name} value="" onChange={(event) => onChoose(event.target.value)}>
      <option value="" disabled>
        {name}…
      </option>
      {options.map(([option, against]) => (
        <option key={option} value={option} disabled={Boolean(against)}>
          {against ? `${option} (${against})` : option}
        </option>
      ))}
    </select>
  );
}
