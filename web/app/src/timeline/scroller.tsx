import type { ComponentChildren, Ref } from "preact";
import { useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ScrollModel, type Target, type View } from "./scroll-model";

export interface ScrollerHandle {
  /** Scrolls to a row, and holds it there until the person scrolls. */
  show(target: Target): void;
  readonly element: HTMLElement | null;
}

interface Properties {
  readonly rows: readonly { readonly key: string }[];
  readonly estimate: (key: string) => number;
  readonly renderRow: (index: number) => ComponentChildren;
  /** Where to begin. */
  readonly initial: Target;
  readonly onView: (view: View) => void;
  readonly handle: Ref<ScrollerHandle>;
  readonly attributes: Record<string, unknown>;
}

/** A list that renders only the rows in view. What is in view stays where it is, whatever is added,
 * removed or measured around it; at the end it stays at the end. */
export function Scroller({
  rows,
  estimate,
  renderRow,
  initial,
  onView,
  handle,
  attributes,
}: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const [, setRange] = useState("");
  const state = useRef<ScrollModel | null>(null);
  const model = (state.current ??= new ScrollModel(estimate, initial));
  model.onView = onView;
  model.onRange = setRange;
  model.setRows(rows);
  const { first, last } = model.range;

  useLayoutEffect(() => {
    if (box.current && canvas.current && block.current) {
      return model.attach(box.current, canvas.current, block.current);
    }
    return undefined;
  }, [model]);
  useLayoutEffect(() => model.afterRender());
  useImperativeHandle(
    handle,
    () => ({
      show: (target: Target) => model.show(target),
      get element() {
        return box.current;
      },
    }),
    [model],
  );

  const shown = [];
  for (let index = first; index < last; index += 1) {
    shown.push(
      <div class="row" key={rows[index]?.key} data-key={rows[index]?.key}>
        {renderRow(index)}
      </div>,
    );
  }
  return (
    <div class="scroller" ref={box} tabIndex={0} {...attributes}>
      <div class="canvas" ref={canvas}>
        <div class="block" ref={block}>
          {shown}
        </div>
      </div>
    </div>
  );
}
