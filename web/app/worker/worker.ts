/* Keeps the page's own files, so that it starts without a network. It never touches the API: what
   was said is kept by the client, in IndexedDB. */

declare const __FILES__: readonly string[];
declare const __VERSION__: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = `page-${__VERSION__}`;
const SHELL = "/";
const PAGES = /^\/(?:$|r\/|invite\/|welcome$)/;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // Hashed files may come from the browser's cache, the others not.
      await cache.addAll(
        [SHELL, ...__FILES__.filter((file) => file !== "/index.html")].map(
          (file) =>
            new Request(file, { cache: file.startsWith("/assets/") ? "default" : "reload" }),
        ),
      );
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("page-") && name !== CACHE) await caches.delete(name);
      }
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.test(url.pathname)) event.respondWith(openPage(request));
  } else if (__FILES__.includes(url.pathname)) {
    event.respondWith(fromCache(request));
  }
});

/** The newest page where there is a network within a moment, else the one that is kept. */
async function openPage(request: Request): Promise<Response> {
  const kept = await caches.match(SHELL, { cacheName: CACHE });
  if (kept === undefined) return fetch(request);
  const fresh = fetch(request).then((answer) => (answer.ok ? answer : kept));
  const late = new Promise<Response>((resolve) => setTimeout(resolve, 1500, kept.clone()));
  return Promise.race([fresh, late]).catch(() => kept.clone());
}

async function fromCache(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}
