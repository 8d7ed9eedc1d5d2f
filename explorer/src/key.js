// The API key: the tab's own, never in a URL. A demo key, which the page brings, isn't kept: the server's next start may
// bring another one.

const KEPT = "erpgraph:key";

const demo = Object.values(JSON.parse(document.getElementById("demo-keys").textContent))[0] ?? "";

export const firstKey = () => sessionStorage.getItem(KEPT) ?? demo;

export function keep(key) {
  if (key === demo) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, key);
}
