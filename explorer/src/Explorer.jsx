import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQLProvider } from "@graphiql/react";
import CodeMirror from "codemirror";
import { GraphiQL, GraphiQLInterface } from "graphiql";
import { buildClientSchema, getIntrospectionQuery } from "graphql";
import { useCallback, useEffect, useRef, useState } from "react";
import { ask, exchange } from "./ask.js";
import { EXAMPLES, suited } from "./examples.js";
import { isSubscription } from "./follow.js";
import { Header } from "./Header.jsx";
import { beginning, storage } from "./kept.js";
import { firstKey, keep } from "./key.js";
import { Live } from "./Live.jsx";
import { useFollowing } from "./useFollowing.js";
import { named } from "./named.js";
import { Panel } from "./Panel.jsx";
import { Tools } from "./Tools.jsx";

const plugins = [explorerPlugin({ showAttribution: false })];

// What is scrolled is then what has the focus; the other way, a hidden text field has it, beside what is scrolled.
CodeMirror.defaults.inputStyle = "contenteditable";

const VIEWER = "{ viewer { tenant { name } principal roles permissions } }";
const NOBODY = { schema: null, viewer: null, trouble: "", asked: false };

/** The schema for a key, whose key it is, and a sentence where there is no schema. Asked again a moment after the key last changed. */
function useSchema(key) {
  const [found, setFound] = useState(NOBODY);
  useEffect(() => {
    let current = true;
    const look = async () => {
      if (!key) return setFound({ ...NOBODY, trouble: "Put an API key into the field to begin.", asked: true });
      setFound((last) => ({ ...last, viewer: null }));
      const introspection = { query: getIntrospectionQuery({ inputValueDeprecation: true }) };
      const [answer, caller] = await Promise.all([ask(introspection, key), ask({ query: VIEWER }, key)]);
      if (!current) return;
      const viewer = caller.data?.viewer ?? null;
      setFound(
        answer.data
          ? { schema: buildClientSchema(answer.data), viewer, trouble: "", asked: true }
          : { schema: null, viewer, trouble: answer.errors?.[0]?.message ?? "The schema can't be read.", asked: true },
      );
    };
    const timer = setTimeout(look, found.asked ? 300 : 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);
  return found;
}

/**
 * The tabs to begin with, once the caller is known; new ones for another role's key, as long as the open ones hold examples only.
 * ``follow`` has to be called when the open ones change.
 */
function useBeginning({ asked, viewer }) {
  const [begun, setBegun] = useState(null);
  const open = useRef([]);
  const begin = (next) => {
    open.current = next.tabs;
    setBegun(next);
  };
  const untouched = () => open.current.every(({ query }) => EXAMPLES.some((example) => example.query === query));
  useEffect(() => {
    if (!asked) return;
    const examples = suited(viewer);
    const names = examples.map(({ name }) => name).join();
    if (!begun) begin({ names, number: 0, ...beginning(examples) });
    else if (viewer && names !== begun.names && untouched())
      begin({ names, number: begun.number + 1, ...beginning(examples, { fresh: true }) });
  }, [asked, viewer]);
  const follow = useCallback(({ tabs }) => (open.current = tabs), []);
  return { begun, follow };
}

export function Explorer() {
  const [key, setKey] = useState(firstKey);
  const [answer, setAnswer] = useState(null);
  const [place, setPlace] = useState(null);
  const [said, say] = useState("");
  const [ready, setReady] = useState(false);
  const latest = useRef(key);
  const found = useSchema(key);
  const { begun, follow } = useBeginning(found);
  const { live, subscription, leave } = useFollowing(latest);
  const change = useCallback((to) => {
    leave();
    latest.current = to.trim();
    keep(latest.current);
    setKey(latest.current);
  }, []);
  const fetcher = useCallback(async (given) => {
    const body = named(given);
    leave();
    setAnswer(null);
    if (isSubscription(body)) return subscription(body);
    const began = performance.now();
    const { found: came, status, size } = await exchange(body, latest.current);
    setAnswer({ ...came, status, size, milliseconds: performance.now() - began });
    // The panel shows the plan: the result is for the data.
    const { plan: _, ...extensions } = came.extensions ?? {};
    return came.extensions ? { ...came, extensions } : came;
  }, []);
  const usual = found.schema && ready ? "Ctrl-Enter runs, Tab leaves an editor. The key stays in this tab." : "Loading…";
  return (
    <>
      <Header apiKey={key} onKey={change} {...found} says={said || usual} tools={setPlace} />
      <main>
        {begun && place && (
          <GraphiQLProvider
            key={begun.number}
            fetcher={fetcher}
            schema={found.schema}
            plugins={plugins}
            storage={storage}
            query={begun.query}
            variables={begun.variables}
            defaultTabs={begun.defaultTabs}
            onTabChange={follow}
          >
            <Tools place={place} viewer={found.viewer} onSay={say} onReady={setReady} />
            <GraphiQLInterface
              isHeadersEditorEnabled={false}
              showPersistHeadersSettings={false}
              defaultEditorToolsVisibility="variables"
            >
              <GraphiQL.Logo>erpgraph</GraphiQL.Logo>
              <GraphiQL.Footer>
                {live ? <Live live={live} /> : <Panel answer={answer} />}
              </GraphiQL.Footer>
            </GraphiQLInterface>
          </GraphiQLProvider>
        )}
      </main>
    </>
  );
}
