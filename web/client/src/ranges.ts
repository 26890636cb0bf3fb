/** Disjoint intervals of whole numbers, ends included: which parts of a log are loaded. */
export class Ranges {
  #ranges: { from: number; to: number }[] = [];

  static of(ranges: readonly { from: number; to: number }[]): Ranges {
    const result = new Ranges();
    for (const { from, to } of ranges) result.add(from, to);
    return result;
  }

  /** Intervals that touch become one. */
  add(from: number, to: number): void {
    if (from > to) return;
    const apart = this.#ranges.filter((range) => range.to < from - 1 || range.from > to + 1);
    const joined = this.#ranges.filter((range) => !apart.includes(range));
    apart.push({
      from: Math.min(from, ...joined.map((range) => range.from)),
      to: Math.max(to, ...joined.map((range) => range.to)),
    });
    this.#ranges = apart.sort((a, b) => a.from - b.from);
  }

  /** The interval that has `seq`. */
  at(seq: number): { readonly from: number; readonly to: number } | undefined {
    return this.#ranges.find((range) => range.from <= seq && seq <= range.to);
  }

  get last(): { readonly from: number; readonly to: number } | undefined {
    return this.#ranges.at(-1);
  }

  /** Keeps only what is in these intervals, too. */
  intersect(kept: readonly { from: number; to: number }[]): void {
    const before = this.#ranges;
    this.#ranges = [];
    for (const range of before) {
      for (const { from, to } of kept) this.add(Math.max(range.from, from), Math.min(range.to, to));
    }
  }

  clear(): void {
    this.#ranges = [];
  }
}
