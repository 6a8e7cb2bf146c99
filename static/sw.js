// Keeps one page for when there is no connection, and its style. Never an account page, a figure
// or a form: every other request goes to the network as if this worker were not there.
"use strict";

const CACHE = "offline-1";
const OFFLINE = "/offline/";

const keep = async () => {
  const cache = await caches.open(CACHE);
  const page = await fetch(OFFLINE, { cache: "reload", credentials: "omit" });
  if (!page.ok) throw new Error("no offline page");
  const text = await page.clone().text();
  const styles = [...text.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map((m) => m[1]);
  await cache.addAll(styles);
  await cache.put(OFFLINE, page);
};

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));

self.addEventListener("activate", (event) => {
  const old = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(old());
});

const fromCache = async (request, path) => {
  const cache = await caches.open(CACHE);
  return (await cache.match(path ?? request)) ?? Response.error();
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") {
    event.respondWith(fetch(request).catch(() => fromCache(request, OFFLINE)));
  } else if (request.destination === "style") {
    event.respondWith(fetch(request).catch(() => fromCache(request)));
  }
});
