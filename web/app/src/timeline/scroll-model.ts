import { Heights } from "./heights";

/** A row and where it is to be: "third" is a third of the height below the top. */
export type Target = "end" | { readonly key: string; readonly at: "start" | "third" };

export interface View {
  /** The rows in view, and how far it is to both ends in heights of the view. */
  readonly first: number;
  readonly last: number;
  readonly before: number;
  readonly after: number;
  readonly atEnd: boolean;
}

interface Anchor {
  readonly key: string;
  readonly offset: number;
}

const END_PX = 24;
const OVERSCAN_PX = 600;
const USER_INPUT = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/** Keeps the scroll position of a list of rows whose heights are not known before they are shown. */
export class ScrollModel {
  onView: (view: View) => void = () => undefined;
  onRange: (range: string) => void = () => undefined;
  range = { first: 0, last: 0 };
  readonly #heights: Heights;
  #rows: readonly { readonly key: string }[] = [];
  #target: Target | null;
  #anchor: Anchor | null = null;
  #box: HTMLElement | null = null;
  #canvas: HTMLElement | null = null;
  #block: HTMLElement | null = null;
  #viewport = 800;
  #watch: ResizeObserver | null = null;

  constructor(estimate: (key: string) => number, initial: Target) {
    this.#heights = new Heights(estimate);
    this.#target = initial;
  }

  setRows(rows: readonly { readonly key: string }[]): void {
    if (rows === this.#rows) return;
    this.#rows = rows;
    this.#heights.setKeys(rows.map((row) => row.key));
    this.range = this.#rangeAround(this.#wantedTop());
  }

  attach(box: HTMLElement, canvas: HTMLElement, block: HTMLElement): () => void {
    this.#box = box;
    this.#canvas = canvas;
    this.#block = block;
    this.#viewport = box.clientHeight;
    const watch = new ResizeObserver((entries) => this.#resized(entries));
    this.#watch = watch;
    watch.observe(box);
    const scrolled = (): void => this.#scrolled();
    const release = (): void => this.#release();
    box.addEventListener("scroll", scrolled, { passive: true });
    for (const name of USER_INPUT) box.addEventListener(name, release, { passive: true });
    return () => {
      watch.disconnect();
      box.removeEventListener("scroll", scrolled);
      for (const name of USER_INPUT) box.removeEventListener(name, release);
    };
  }

  show(target: Target): void {
    this.#target = target;
    this.range = this.#rangeAround(this.#wantedTop());
    this.onRange(`${this.range.first}-${this.range.last}`);
    this.#place();
  }

  afterRender(): void {
    for (const row of this.#block?.children ?? []) this.#measure(row as HTMLElement);
    this.#place();
  }

  #measure(row: HTMLElement): boolean {
    this.#watch?.observe(row);
    const height = row.getBoundingClientRect().height;
    return height > 0 && this.#heights.measure(row.dataset.key ?? "", height);
  }

  #resized(entries: readonly ResizeObserverEntry[]): void {
    let changed = false;
    for (const { target } of entries) {
      if (target === this.#box) {
        changed = true;
        this.#viewport = this.#box.clientHeight;
      } else if (!target.isConnected) this.#watch?.unobserve(target);
      else if (this.#measure(target as HTMLElement)) changed = true;
    }
    if (changed) this.#place();
  }

  /** Puts the rows where they belong, and the view where it was. */
  #place(): void {
    if (!this.#box || !this.#canvas || !this.#block) return;
    this.#canvas.style.height = `${Math.max(this.#heights.total, 1)}px`;
    this.#block.style.transform = `translateY(${this.#heights.top(this.range.first)}px)`;
    const top = this.#wantedTop();
    if (Math.abs(this.#box.scrollTop - top) >= 1) this.#box.scrollTop = top;
    this.#look();
  }

  #wantedTop(): number {
    const room = Math.max(this.#heights.total - this.#viewport, 0);
    const limit = (top: number): number => Math.max(0, Math.min(top, room));
    const target = this.#target;
    if (target === "end") return room;
    if (target !== null) {
      const index = this.#heights.indexOf(target.key);
      if (index !== undefined) {
        return limit(this.#heights.top(index) - (target.at === "third" ? this.#viewport / 3 : 56));
      }
    }
    const anchor = this.#anchor;
    const index = anchor === null ? undefined : this.#heights.indexOf(anchor.key);
    if (anchor === null || index === undefined) return limit(this.#box?.scrollTop ?? room);
    return limit(this.#heights.top(index) - anchor.offset);
  }

  #scrolled(): void {
    if (this.#target === null || this.#target === "end") this.#remember();
    this.#look();
  }

  /** From now on the view stays at the row that is first in it. */
  #release(): void {
    if (this.#target !== null && this.#target !== "end") this.#target = null;
    this.#remember();
  }

  #remember(): void {
    const box = this.#box;
    if (box === null || this.#heights.count === 0) return;
    const atEnd = this.#heights.total - box.scrollTop - this.#viewport < END_PX;
    this.#target = atEnd ? "end" : null;
    const index = this.#firstMeasured(box.scrollTop);
    const key = this.#heights.keyAt(index);
    if (key !== undefined) this.#anchor = { key, offset: this.#heights.top(index) - box.scrollTop };
  }

  /** The first row in view whose height is known: those above it may turn out to be smaller or larger
   * than estimated, and it is the one that must not move then. */
  #firstMeasured(top: number): number {
    const first = this.#heights.find(top);
    const last = this.#heights.find(top + this.#viewport);
    for (let index = first; index <= last; index += 1) {
      if (this.#heights.isMeasured(this.#heights.keyAt(index) ?? "")) return index;
    }
    return first;
  }

  #look(): void {
    const top = this.#box?.scrollTop ?? 0;
    const first = this.#heights.find(top);
    const last = this.#heights.find(top + this.#viewport);
    if (this.#isNearEdge(top)) {
      this.range = this.#rangeAround(top);
      this.onRange(`${this.range.first}-${this.range.last}`);
    }
    const after = this.#heights.total - top - this.#viewport;
    this.onView({
      first,
      last,
      before: top / this.#viewport,
      after: after / this.#viewport,
      atEnd: after < END_PX,
    });
  }

  /** Whether less is rendered around the view than half of what was wanted. */
  #isNearEdge(top: number): boolean {
    const { first, last } = this.range;
    const above = top - this.#heights.top(first);
    const below = this.#heights.top(last) - top - this.#viewport;
    return (
      (first > 0 && above < OVERSCAN_PX / 2) ||
      (last < this.#heights.count && below < OVERSCAN_PX / 2)
    );
  }

  #rangeAround(top: number): { first: number; last: number } {
    const first = this.#heights.find(top - OVERSCAN_PX);
    const last = Math.min(
      this.#heights.find(top + this.#viewport + OVERSCAN_PX) + 1,
      this.#heights.count,
    );
    return { first, last };
  }
}
