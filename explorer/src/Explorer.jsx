import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQLProvider } from "@graphiql/react";
import { GraphiQL, GraphiQLInterface } from "graphiql";
import { buildClientSchema, getIntrospectionQuery } from "graphql";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ask, exchange } from "./ask.js";
import { Bar } from "./Bar.jsx";
import { EXAMPLES } from "./examples.js";
import { firstKey, keep } from "./key.js";
import { linked } from "./link.js";
import { named } from "./named.js";
import { Panel } from "./Panel.jsx";

const plugins = [explorerPlugin({ showAttribution: false })];
const shared = linked();

// What was open is forgotten with the page: the examples come back, and nothing of a query outlives the tab.
const nothingKept = { getItem: () => null, setItem() {}, removeItem() {}, clear() {}, length: 0 };

const WHO = "{ viewer { tenant { name } principal permissions } }";

/** The schema for a key, who the key's caller is, and a sentence where there is none. Asked anew half a second after the key last changed. */
function useSchema(key) {
  const [found, setFound] = useState({ schema: null, viewer: null, trouble: "" });
  useEffect(() => {
    let current = true;
    const timer = setTimeout(async () => {
      if (!key) return setFound({ schema: null, viewer: null, trouble: "Put an API key into the field to begin." });
      setFound((last) => ({ ...last, viewer: null }));
      const introspection = { query: getIntrospectionQuery({ inputValueDeprecation: true }) };
      const [answer, who] = await Promise.all([ask(introspection, key), ask({ query: WHO }, key)]);
      if (!current) return;
      const viewer = who.data?.viewer ?? null;
      setFound(
        answer.data
          ? { schema: buildClientSchema(answer.data), viewer, trouble: "" }
          : { schema: null, viewer, trouble: answer.errors?.[0]?.message ?? "The schema can't be read." },
      );
    }, 300);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);
  return found;
}

export function Explorer() {
  const [key, setKey] = useState(firstKey);
  const [answer, setAnswer] = useState(null);
  const latest = useRef(key);
  const { schema, viewer, trouble } = useSchema(key);
  const change = useCallback((to) => {
    latest.current = to.trim();
    keep(latest.current);
    setKey(latest.current);
  }, []);
  const fetcher = useCallback(async (body) => {
    setAnswer(null);
    const began = performance.now();
    const { found, status, size } = await exchange(named(body), latest.current);
    setAnswer({ ...found, status, size, milliseconds: performance.now() - began });
    // The panel shows the plan: the result is for the data.
    const { plan: _, ...extensions } = found.extensions ?? {};
    return found.extensions ? { ...found, extensions } : found;
  }, []);
  const tabs = useMemo(() => (shared ? [shared, ...EXAMPLES] : EXAMPLES), []);
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      schema={schema}
      plugins={plugins}
      storage={nothingKept}
      defaultTabs={tabs}
      variables={tabs[0].variables} // GraphiQL forgets those of the first default tab
    >
      <Bar apiKey={key} onKey={change} viewer={viewer} trouble={trouble} hasSchema={Boolean(schema)} />
      <GraphiQLInterface
        isHeadersEditorEnabled={false}
        showPersistHeadersSettings={false}
        defaultEditorToolsVisibility="variables"
      >
        <GraphiQL.Logo>erpgraph</GraphiQL.Logo>
        <GraphiQL.Footer>
          <Panel answer={answer} />
        </GraphiQL.Footer>
      </GraphiQLInterface>
    </GraphiQLProvider>
  );
}
