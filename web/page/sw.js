// Keeps the page and the engine for when there is no network. The model is kept by the package itself.

const CACHE = "wgbert-page-{{STAMP}}";
const FILES = [
  "./", "app.css", "app.js", "explanation.css", "explanation.js", "icon.svg", "manifest.webmanifest",
  ...["index.js", "worker.js", "host.js", "files.js", "download.js", "engine.js", "engine_bg.wasm"].map(name => `wgbert/${name}`),
];

self.addEventListener("install", event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => {
  const old = name => name.startsWith("wgbert-page-") && name !== CACHE;
  const clean = caches.keys().then(names => Promise.all(names.filter(old).map(name => caches.delete(name))));
  event.waitUntil(clean.then(() => self.clients.claim()));
});

self.addEventListener("fetch", event => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin || request.headers.has("Range")) return;
  // Of one build all, or nothing: what is kept goes before the network.
  const kept = caches.open(CACHE).then(cache => cache.match(request, { ignoreSearch: true }));
  event.respondWith(kept.then(found => found ?? fetch(request)));
});
