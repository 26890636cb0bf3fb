import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./worker/plugin.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const server = process.env.CHAT_SERVER ?? "http://127.0.0.1:8000";

/** Builds into the Python package, which serves the page. Nothing is inlined: the page's
 * Content-Security-Policy allows neither inline scripts and styles nor `data:` addresses. */
export default defineConfig({
  plugins: [serviceWorker(here("worker/worker.ts"))],
  resolve: { alias: { "chat-client": here("../client/src/index.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: here("../../app/web/static"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    cssMinify: "lightningcss",
  },
  server: {
    proxy: { "/api": server, "/ws": { target: server, ws: true } },
  },
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"] },
});
