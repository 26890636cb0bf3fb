import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/errors";
import { closePalette, paletteQuery } from "./open";

/** The palette's code is loaded when it is first opened. */
export function Palette() {
  const query = paletteQuery.value;
  const [Content, setContent] = useState<ComponentType<{ query: string }> | null>(null);
  const wanted = query !== null;
  useEffect(() => {
    if (!wanted || Content !== null) return;
    import("./palette").then(
      (module) => setContent(() => module.PaletteDialog),
      (error: unknown) => {
        closePalette();
        complain(error);
      },
    );
  }, [wanted]);
  return query === null || Content === null ? null : <Content query={query} />;
}
