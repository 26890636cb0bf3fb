import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "./popover.css";

interface Properties {
  /** The element beside which it opens. */
  readonly anchor: Element;
  readonly onClose: () => void;
  readonly label: string;
  /** The id of an element that says more than the label. */
  readonly description?: string;
  readonly align?: "start" | "end";
  readonly children: ComponentChildren;
  readonly class?: string;
}

const GAP = 6;
const EDGE = 8;

/** Floats in the browser's top layer, closes by Esc and by a click elsewhere, and returns the
 * focus. */
export function Popover({
  anchor,
  onClose,
  label,
  description,
  align = "start",
  children,
  class: name = "",
}: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const before = document.activeElement;
    element.showPopover();
    const move = (): void => place(element, anchor, align);
    move();
    const watch = new ResizeObserver(move);
    watch.observe(element);
    addEventListener("resize", move);
    return () => {
      watch.disconnect();
      removeEventListener("resize", move);
      const focusInside =
        element.contains(document.activeElement) || document.activeElement === document.body;
      if (focusInside && before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [anchor, align]);
  useEffect(() => {
    const element = box.current;
    const closed = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") close.current();
    };
    element?.addEventListener("toggle", closed);
    return () => element?.removeEventListener("toggle", closed);
  }, []);
  return (
    <div
      ref={box}
      popover="auto"
      class={`popover ${name}`}
      role="dialog"
      aria-label={label}
      {...(description === undefined ? {} : { "aria-describedby": description })}
    >
      {children}
    </div>
  );
}

function place(element: HTMLElement, anchor: Element, align: "start" | "end"): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const rtl = getComputedStyle(anchor).direction === "rtl";
  const left = (align === "start") !== rtl ? at.left : at.right - width;
  const below = at.bottom + GAP;
  const fits = below + height + EDGE <= innerHeight || at.top < innerHeight - at.bottom;
  const top = fits ? below : at.top - GAP - height;
  element.style.left = `${clamp(left, EDGE, innerWidth - width - EDGE)}px`;
  element.style.top = `${clamp(top, EDGE, innerHeight - height - EDGE)}px`;
}

const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(value, high));
