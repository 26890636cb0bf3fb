/** Where the rows of a list are: measured heights where there are some, else estimates. No DOM. */
export class Heights {
  #measured = new Map<string, number>();
  #keys: readonly string[] = [];
  #index = new Map<string, number>();
  #tops = new Float64Array(1);
  #clean = 0; // rows whose top is up to date

  constructor(readonly estimate: (key: string) => number) {}

  get count(): number {
    return this.#keys.length;
  }

  setKeys(keys: readonly string[]): void {
    let same = 0;
    const limit = Math.min(keys.length, this.#keys.length, this.#clean);
    while (same < limit && keys[same] === this.#keys[same]) same += 1;
    if (same < this.#keys.length || same === 0) {
      this.#index = new Map(keys.map((key, index) => [key, index]));
    } else {
      for (let index = same; index < keys.length; index += 1)
        this.#index.set(keys[index] ?? "", index);
    }
    this.#keys = keys;
    if (this.#tops.length <= keys.length) {
      const tops = new Float64Array(Math.max(keys.length + 1, this.#tops.length * 2));
      tops.set(this.#tops);
      this.#tops = tops;
    }
    this.#clean = Math.min(this.#clean, same);
  }

  /** True if the height is another one than before. */
  measure(key: string, height: number): boolean {
    if (this.#measured.get(key) === height) return false;
    this.#measured.set(key, height);
    const index = this.#index.get(key);
    if (index !== undefined) this.#clean = Math.min(this.#clean, index);
    return true;
  }

  isMeasured(key: string): boolean {
    return this.#measured.has(key);
  }

  indexOf(key: string): number | undefined {
    return this.#index.get(key);
  }

  keyAt(index: number): string | undefined {
    return this.#keys[index];
  }

  /** The top of a row; of the row after the last one: the height of all. */
  top(index: number): number {
    while (this.#clean < index) {
      const key = this.#keys[this.#clean] ?? "";
      const height = this.#measured.get(key) ?? this.estimate(key);
      this.#tops[this.#clean + 1] = (this.#tops[this.#clean] ?? 0) + height;
      this.#clean += 1;
    }
    return this.#tops[index] ?? 0;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** The row at this distance from the top. */
  find(offset: number): number {
    this.top(this.count); // brings all tops up to date
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}
