import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/errors";
import { closePalette, paletteQuery } from "./open";

/** The palette's code is loaded when the page has come to rest, or when it is first opened. */
export function Palette() {
  const query = paletteQuery.value;
  const [Content, setContent] = useState<ComponentType<{ query: string }> | null>(null);
  const wanted = query !== null;
  const load = (): Promise<void> =>
    import("./palette").then((module) => setContent(() => module.PaletteDialog));
  // Before it is needed: what is typed right after Ctrl-K belongs to it.
  useEffect(() => void requestIdleCallback(() => void load().catch(() => undefined)), []);
  useEffect(() => {
    if (!wanted || Content !== null) return;
    load().catch((error: unknown) => {
      closePalette();
      complain(error);
    });
  }, [wanted]);
  return query === null || Content === null ? null : <Content query={query} />;
}
