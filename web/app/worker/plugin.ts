import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { transformWithOxc, type Plugin } from "vite";

/** Writes `/worker.js` with the list of built files. Its name has no hash, because a browser looks
 * for a newer worker at the same address; its content changes whenever a file of the page does. */
export function serviceWorker(source: string): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      order: "post", // Vite removes the scripts of files that have only styles in its own step
      async handler(_, bundle) {
        const files = Object.keys(bundle).filter(isPartOfShell).sort();
        const version = createHash("sha256")
          .update(JSON.stringify(hashes(bundle)))
          .digest("hex");
        const text = await readFile(source, "utf8");
        const { code } = await transformWithOxc(text, source);
        this.emitFile({
          type: "asset",
          fileName: "worker.js",
          source: code
            .replace("__FILES__", JSON.stringify(files.map((file) => `/${file}`)))
            .replace("__VERSION__", JSON.stringify(version.slice(0, 16))),
        });
      },
    },
  };
}

/** The data of emoji is large, and the browser keeps it by itself. */
const isPartOfShell = (file: string): boolean => !/\.(?:map|json)$/.test(file);

function hashes(
  bundle: Record<string, { type: string; code?: string; source?: unknown }>,
): string[] {
  return Object.entries(bundle).map(([name, file]) => {
    const content = file.type === "chunk" ? file.code : file.source;
    const bytes = content instanceof Uint8Array ? content : String(content);
    return name + createHash("sha256").update(bytes).digest("hex");
  });
}
