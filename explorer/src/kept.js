// What a reload keeps is the browser tab's own and ends with it: the open queries, the sizes of the panels and the theme, beside
// the key (key.js). Nothing of it is in localStorage, where the next person at this browser would find it.

import { linked } from "./link.js";

const TABS = "graphiql:tabState";

/** GraphiQL's store. It does without where the browser forbids one. */
export const storage = {
  getItem: (name) => quietly(() => sessionStorage.getItem(name)) ?? null,
  setItem: (name, value) => quietly(() => sessionStorage.setItem(name, value)),
  removeItem: (name) => quietly(() => sessionStorage.removeItem(name)),
  clear: () => own().forEach((name) => sessionStorage.removeItem(name)),
  get length() {
    return own().length;
  },
};

function quietly(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

const own = () => quietly(() => Object.keys(sessionStorage).filter((name) => name.startsWith("graphiql:"))) ?? [];

/** The tab that was open, and all tabs. */
function open() {
  const state = quietly(() => JSON.parse(storage.getItem(TABS)));
  const tabs = Array.isArray(state?.tabs) ? state.tabs : [];
  const tab = tabs[state?.activeTabIndex];
  if (typeof tab?.query === "string") return { tabs, query: tab.query, variables: tab.variables ?? "" };
  storage.removeItem(TABS);
  return null;
}

const came = performance.getEntriesByType("navigation")[0]?.type;

/**
 * What GraphiQL begins with: the examples, or what was open before a reload; and in front a link's query, once: after a reload it
 * is one of the open tabs, perhaps edited. GraphiQL finds the tab to show by its texts.
 */
export function beginning(examples, { fresh = false } = {}) {
  if (fresh) storage.clear();
  const link = fresh || came === "reload" ? null : linked();
  const before = open();
  if (before) return link ? { ...link, tabs: [link, ...before.tabs] } : before;
  const tabs = link ? [link, ...examples] : examples;
  return { tabs, defaultTabs: tabs, query: tabs[0].query, variables: tabs[0].variables };
}
