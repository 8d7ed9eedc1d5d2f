// Lets the page itself be there without a network. The data are none of its business: they are in IndexedDB (src/db.js).
const PAGE = "page";

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** Keep the page, and the files that it names: their names hold a hash of what is in them, so they never change. */
async function keep() {
  const answer = await fetch("./", { cache: "no-store" });
  if (!answer.ok) throw new Error(`The page can't be kept: ${answer.status}`);
  const names = [...(await answer.clone().text()).matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map((found) => found[1]);
  const cache = await caches.open(PAGE);
  await cache.addAll(names);
  await cache.put("./", answer);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(newest(request));
  else event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
});

/** The newest page that can be had. A newer one is kept with its files. */
async function newest(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok) keep().catch(() => {});
    return answer;
  } catch {
    return (await caches.match("./")) ?? Response.error();
  }
}
